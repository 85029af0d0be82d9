// The commands about runs.
#include "master/cli/option_kinds.h"

namespace docket::cli {
namespace {

constexpr const char* kStates[] = {"queued", "running", "done", "failed", "expired", "cancelled"};

using OfIds = Result<int> (*)(Context& context, const std::vector<std::string>& ids);
using OfId = Result<int> (*)(Context& context, const std::string& id);

void add_id(CLI::App& command, Options& options, OfId run) {
  command
      .add_option("id", options.job_id, "The run's id, or a start or end that only one run's has")
      ->type_name("ID")
      ->required();
  command.callback([&options, run] {
    options.chosen = [&options, run](Context& context) { return run(context, options.job_id); };
  });
}

void add_ids(CLI::App& command, Options& options, OfIds run) {
  command.add_option("id", options.job_ids, "The runs' ids, as for docket jobs show")
      ->type_name("ID")
      ->required();
  command.callback([&options, run] {
    options.chosen = [&options, run](Context& context) { return run(context, options.job_ids); };
  });
}

// The filters of a list that a run does not cease to fit while it goes on.
void add_lasting_filters(CLI::App& command, JobsQuery& query) {
  command.add_option("--language", query.language, "Only runs in this language")->type_name("LANG");
  command.add_option("--key", query.key, "Only runs that came with this API key")
      ->type_name("NAME");
  command
      .add_option("--text", query.text, "Only runs with this in their id or the client's job id")
      ->type_name("TEXT");
}

void add_list(CLI::App& jobs, Options& options) {
  JobsQuery& query = options.jobs;
  CLI::App* list = add_command(jobs, "list", "The newest runs, newest first",
                               "  docket jobs list\n"
                               "  docket jobs list --state failed --agent lab-2 -n 100\n"
                               "  docket jobs list --outcome 'time limit' --since 24h\n"
                               "  docket jobs list --since 2026-11-23T10:00:00Z --until 15m\n"
                               "  docket jobs list -o json | jq -r '.jobs[].id, .next'\n"
                               "  docket jobs list --offline --data /var/lib/docket/master");
  list->add_option("--state", query.state, "queued, running, done, failed, expired or cancelled")
      ->type_name("STATE")
      ->check(one_of(kStates));
  list->add_option("--agent", query.agent, "Only runs whose last try was on this agent")
      ->type_name("NAME");
  add_lasting_filters(*list, query);
  list->add_option("--outcome", query.outcome, "Only this outcome: its number or its name")
      ->type_name("OUTCOME");
  list->add_option("--since,--from", query.from,
                   "Only runs that came then or later: RFC 3339, or an age such as 15m, 24h, 7d")
      ->type_name("TIME");
  list->add_option("--until,--to", query.to, "Only runs that came before")->type_name("TIME");
  list->add_option("-n,--limit", query.limit, "At most N runs, up to 1000")
      ->type_name("N")
      ->check(number_between(1, 1000))
      ->capture_default_str();
  list->add_option("--cursor", query.cursor, "Go on behind this run: next in the JSON before")
      ->type_name("ID");
  add_watch(*list, options);
  CLI::Option* offline = list->add_flag("--offline", options.offline,
                                        "Read the folder of a stopped master; ask nobody")
                             ->excludes("--watch");
  list->add_option("--data", query.data, "That folder: the master's --data")
      ->type_name("DIR")
      ->needs(offline);
  list->callback([&options] {
    if (options.offline && options.jobs.data.empty()) {
      throw CLI::ValidationError("--offline needs --data DIR");
    }
    options.chosen = [&options](Context& context) {
      return options.offline ? offline_jobs_command(context, options.jobs)
                             : jobs_command(context, options.jobs);
    };
  });
}

void add_tail(CLI::App& jobs, Options& options) {
  CLI::App* tail = add_command(jobs, "tail", "Every change of a run, one line each, until Ctrl-C",
                               "  docket jobs tail\n"
                               "  docket jobs tail --key exams -n 1\n"
                               "  docket jobs tail -o jsonl | jq -c '[.id, .state, .agent]'\n\n"
                               "What changes twice within a second may be seen once.");
  add_lasting_filters(*tail, options.jobs);
  tail->add_option("-n,--limit", options.jobs.limit, "Begin with the newest N runs, up to 1000")
      ->type_name("N")
      ->check(number_between(1, 1000))
      ->capture_default_str();
  tail->callback([&options] {
    options.chosen = [&options](Context& context) { return tail_command(context, options.jobs); };
  });
}

void add_wait(CLI::App& jobs, Options& options) {
  CLI::App* wait =
      add_command(jobs, "wait", "Wait until runs have ended, and list them",
                  "  docket jobs wait 7zk\n"
                  "  docket jobs wait --timeout 10m $(docket jobs list --state queued -o name)\n\n"
                  "The exit status is 0 when the outcome of each is ok, 1 when one's is not, and\n"
                  "124 when the time was over.");
  wait->add_option("--timeout", options.wait.timeout, "At most so long: 90s, 30m, 2h")
      ->type_name("TIME");
  wait->add_flag("--progress", options.wait.progress,
                 "Say what they wait for and where they run, also without a terminal");
  wait->add_option("id", options.job_ids, "The runs' ids, as for docket jobs show")
      ->type_name("ID")
      ->required();
  wait->callback([&options] {
    options.chosen = [&options](Context& context) {
      return wait_command(context, options.job_ids, options.wait);
    };
  });
}

}  // namespace

void add_jobs(CLI::App& app, Options& options) {
  CLI::App* jobs = add_command(app, "jobs", "Runs: those that wait, run or have ended",
                               "  docket jobs list --state running\n"
                               "  docket jobs show 7zk4q\n"
                               "  docket jobs why 7zk4q\n"
                               "  docket jobs cancel 7zk4q");
  jobs->require_subcommand(1);
  add_list(*jobs, options);
  CLI::App* show = add_command(*jobs, "show", "One run: facts, its tries, and its result",
                               "  docket jobs show 01kaq3v5m8x0000000000007zk\n"
                               "  docket jobs show 7zk            (the end of an id is enough)\n"
                               "  docket jobs show 7zk -o json");
  add_id(*show, options, job_command);
  CLI::App* why = add_command(*jobs, "why", "Why a run waits, host by host, or what its tries did",
                              "  docket jobs why 7zk\n"
                              "  docket jobs why 7zk -o json | jq '.hosts[] | select(.obstacle == "
                              "\"full\")'");
  add_id(*why, options, why_command);
  add_wait(*jobs, options);
  add_tail(*jobs, options);
  CLI::App* cancel = add_command(*jobs, "cancel", "Cancel runs that wait or run",
                                 "  docket jobs cancel 7zk\n\n"
                                 "A program that runs goes on to its own limits, because Jobe "
                                 "cannot stop it; its\nresult is thrown away. A run that has ended "
                                 "is left alone (exit status 6).");
  add_reason(*cancel, options);
  add_ids(*cancel, options, cancel_command);
  CLI::App* retry = add_command(*jobs, "retry", "Run again what has ended, and print the new ids",
                                "  docket jobs retry 7zk\n"
                                "  docket jobs wait $(docket jobs retry 7zk)\n\n"
                                "A new run of the same request under the same API key; the old one "
                                "stays as it is.");
  add_reason(*retry, options);
  add_ids(*retry, options, retry_command);
  add_purge(*jobs, options);
}

}  // namespace docket::cli
