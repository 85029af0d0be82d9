#include "master/cli/options.h"

#include <cstdio>

#include "master/cli/completion.h"
#include "master/cli/option_kinds.h"

namespace docket::cli {
namespace {

constexpr const char* kStates[] = {"queued", "running", "done", "failed", "expired", "cancelled"};
constexpr const char* kPriorities[] = {"high", "normal", "low"};
constexpr int kMostOfKey = 1'000'000'000;
constexpr const char* kFormats[] = {"table", "json"};
constexpr const char* kShells[] = {"bash", "zsh"};

// The common options are taken before and after every command; the last one given wins.
void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--master", globals.master,
                 std::string("The master's operations listener (also DOCKET_MASTER; default ") +
                     kDefaultMaster + ")")
      ->type_name("http://H:P")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("-o,--output", globals.format, "table (default) or json")
      ->type_name("FORMAT")
      ->check(one_of(kFormats))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    add_globals(*command, globals);
  }
}

CLI::App* add_hold(CLI::App& agents, Options& options, const char* name, const char* about,
                   const char* examples) {
  CLI::App* command = add_command(agents, name, about, examples);
  command->add_option("name", options.hold.name, "The agent's name")->type_name("NAME")->required();
  command->add_option("--reason", options.hold.reason, "Why: shown to whoever wonders")
      ->type_name("TEXT")
      ->required();
  return command;
}

void add_joins(CLI::App& agents, Options& options) {
  CLI::App* token = add_command(agents, "token", "Make a token by which hosts join, and print it",
                                "  docket agents token\n"
                                "  docket agents token --ttl 2h --uses 20 --tag exam\n"
                                "  docket agents token --approve\n\n"
                                "On each host: docket-agent join TOKEN");
  token
      ->add_option("--ttl", options.join_token.ttl,
                   "How long it holds: 90s, 30m (default), 12h, 2d")
      ->type_name("TIME");
  token->add_option("--uses", options.join_token.uses, "How many hosts may join by it (default 1)")
      ->type_name("N")
      ->check(number_between(1, 10'000));
  token->add_option("--tag", options.join_token.tags, "A tag for these hosts; may be repeated")
      ->type_name("TAG")
      ->allow_extra_args(false);
  token->add_flag("--approve", options.join_token.approve,
                  "They do nothing before docket agents approve");
  token
      ->add_option("--agents-address", options.join_token.agents_address,
                   "Where these hosts reach the master's --agents-listen (default: it knows)")
      ->type_name("H:P");
  token->callback([&options] {
    options.chosen = [&options](Context& context) {
      return join_token_command(context, options.join_token);
    };
  });
  CLI::App* approve =
      add_command(agents, "approve", "Let a host in that joined by a token with --approve",
                  "  docket agents approve lab-7\n"
                  "  docket agents approve 1f2e-3d4c-5b6a-7988-9706-f5e4-d3c2-b1a0\n\n"
                  "Compare the fingerprint with what docket-agent join told on the host.");
  approve->add_option("who", options.hold.name, "The agent's name, or its key's fingerprint")
      ->type_name("NAME|FINGERPRINT")
      ->required();
  approve->add_flag("-y,--yes", options.yes, "Do not ask");
  approve->callback([&options] {
    options.chosen = [&options](Context& context) {
      return approve_command(context, options.hold.name, options.yes);
    };
  });
  CLI::App* remove = add_command(agents, "remove", "Drain a host, revoke its key and forget it",
                                 "  docket agents remove lab-7\n"
                                 "  docket agents remove lab-7 --deadline 60");
  remove->add_option("name", options.hold.name, "The agent's name")->type_name("NAME")->required();
  remove
      ->add_option("--deadline", options.hold.deadline_s,
                   "Seconds after which what still runs there goes to other hosts")
      ->type_name("S")
      ->check(CLI::Range(0, 86'400));
  remove->callback([&options] {
    options.hold.drain = true;
    options.hold.reason = "it is being removed";
    options.chosen = [&options](Context& context) { return remove_command(context, options.hold); };
  });
}

void add_agents(CLI::App& app, Options& options) {
  CLI::App* agents = add_command(app, "agents", "The hosts that run programs",
                                 "  docket agents list\n"
                                 "  docket agents token --uses 5\n"
                                 "  docket agents drain lab-7 --reason 'kernel upgrade'\n"
                                 "  docket agents resume lab-7");
  agents->require_subcommand(1);
  CLI::App* list = add_command(*agents, "list", "Every agent, its load and why it takes no work",
                               "  docket agents list\n"
                               "  docket agents list -o json | jq -r '.agents[].name'");
  list->callback([&options] { options.chosen = agents_command; });
  CLI::App* cordon = add_hold(*agents, options, "cordon", "Give a host nothing new",
                              "  docket agents cordon lab-7 --reason 'slow disk'");
  CLI::App* drain = add_hold(*agents, options, "drain",
                             "Give a host nothing new, and wait until nothing runs there",
                             "  docket agents drain lab-7 --reason 'kernel upgrade'\n"
                             "  docket agents drain lab-7 --reason move --deadline 60\n\n"
                             "Interrupting it leaves the drain in force.");
  drain
      ->add_option("--deadline", options.hold.deadline_s,
                   "Seconds after which what still runs there goes to other hosts")
      ->type_name("S")
      ->check(CLI::Range(0, 86'400));
  drain->add_flag("--no-wait", options.hold.no_wait, "Return at once");
  for (CLI::App* command : {cordon, drain}) {
    command->callback([&options, drains = command == drain] {
      options.hold.drain = drains;
      options.chosen = [&options](Context& context) { return hold_command(context, options.hold); };
    });
  }
  add_joins(*agents, options);
  CLI::App* resume = add_command(*agents, "resume",
                                 "Let a host take work again: after cordon, drain or quarantine",
                                 "  docket agents resume lab-7");
  resume->add_option("name", options.hold.name, "The agent's name")->type_name("NAME")->required();
  add_reason(*resume, options);
  resume->callback([&options] {
    options.chosen = [&options](Context& context) {
      return resume_command(context, options.hold.name);
    };
  });
}

void add_jobs_list(CLI::App& jobs, Options& options) {
  JobsQuery& query = options.jobs;
  CLI::App* list = add_command(jobs, "list", "The newest runs, newest first",
                               "  docket jobs list\n"
                               "  docket jobs list --state failed --agent lab-2 -n 100\n"
                               "  docket jobs list --outcome 'time limit' --from 24h\n"
                               "  docket jobs list --from 2026-11-23T10:00:00Z --to 15m\n"
                               "  docket jobs list -o json | jq -r '.jobs[].id, .next'");
  list->add_option("--state", query.state, "queued, running, done, failed, expired or cancelled")
      ->type_name("STATE")
      ->check(one_of(kStates));
  list->add_option("--language", query.language, "Only runs in this language")->type_name("LANG");
  list->add_option("--agent", query.agent, "Only runs whose last try was on this agent")
      ->type_name("NAME");
  list->add_option("--key", query.key, "Only runs that came with this API key")->type_name("NAME");
  list->add_option("--outcome", query.outcome, "Only this outcome: its number or its name")
      ->type_name("OUTCOME");
  list->add_option("--from", query.from,
                   "Only runs that came then or later: RFC 3339, or an age such as 15m, 24h, 7d")
      ->type_name("TIME");
  list->add_option("--to", query.to, "Only runs that came before")->type_name("TIME");
  list->add_option("--text", query.text, "Only runs with this in their id or the client's job id")
      ->type_name("TEXT");
  list->add_option("-n,--limit", query.limit, "At most N runs, up to 1000")
      ->type_name("N")
      ->check(number_between(1, 1000))
      ->capture_default_str();
  list->add_option("--cursor", query.cursor, "Go on behind this run: next in the JSON before")
      ->type_name("ID");
  list->callback([&options] {
    options.chosen = [&options](Context& context) { return jobs_command(context, options.jobs); };
  });
}

void add_jobs(CLI::App& app, Options& options) {
  CLI::App* jobs = add_command(app, "jobs", "Runs: those that wait, run or have ended",
                               "  docket jobs list --state running\n"
                               "  docket jobs show 7zk4q\n"
                               "  docket jobs why 7zk4q\n"
                               "  docket jobs cancel 7zk4q");
  jobs->require_subcommand(1);
  add_jobs_list(*jobs, options);
  CLI::App* show = add_command(*jobs, "show", "One run: facts, its tries, and its result",
                               "  docket jobs show 01kaq3v5m8x0000000000007zk\n"
                               "  docket jobs show 7zk            (the end of an id is enough)\n"
                               "  docket jobs show 7zk -o json");
  show->add_option("id", options.job_id,
                   "The run's id, or a start or end that only one of the newest 1000 has")
      ->type_name("ID")
      ->required();
  show->callback([&options] {
    options.chosen = [&options](Context& context) { return job_command(context, options.job_id); };
  });
  add_purge(*jobs, options);
  CLI::App* why = add_command(*jobs, "why", "Why a run waits, host by host, or what its tries did",
                              "  docket jobs why 7zk\n"
                              "  docket jobs why 7zk -o json | jq '.hosts[] | select(.obstacle == "
                              "\"full\")'");
  why->add_option("id", options.job_id, "The run's id, as for docket jobs show")
      ->type_name("ID")
      ->required();
  why->callback([&options] {
    options.chosen = [&options](Context& context) { return why_command(context, options.job_id); };
  });
  CLI::App* cancel = add_command(*jobs, "cancel", "Cancel a run that waits or runs",
                                 "  docket jobs cancel 7zk\n\n"
                                 "A program that runs goes on to its own limits, because Jobe "
                                 "cannot stop it; its\nresult is thrown away. A run that has ended "
                                 "is left alone (exit status 6).");
  cancel->add_option("id", options.job_id, "The run's id, as for docket jobs show")
      ->type_name("ID")
      ->required();
  add_reason(*cancel, options);
  cancel->callback([&options] {
    options.chosen = [&options](Context& context) {
      return cancel_command(context, options.job_id);
    };
  });
}

void add_new_key(CLI::App& keys, Options& options) {
  NewKey& key = options.key;
  CLI::App* create = add_command(
      keys, "create", "Make a key and print its secret, once",
      "  docket keys create moodle\n"
      "  docket keys create exams --priority high --weight 3\n"
      "  docket keys create homework --rate 5000 --queue 200 --no-async\n"
      "  docket keys create old --key-file key.txt     (the key that your Moodle has already)\n\n"
      "From the first key on, running programs through the Jobe API needs one.");
  create->add_option("name", key.name, "What the key is called in lists and logs")
      ->type_name("NAME")
      ->required();
  create->add_option("--rate", key.hourly_rate, "At most N runs an hour (default 0: no bound)")
      ->type_name("N")
      ->check(number_between(0, kMostOfKey));
  create->add_option("--queue", key.max_queued, "At most N runs waiting (default 0: no bound)")
      ->type_name("N")
      ->check(number_between(0, kMostOfKey));
  create->add_option("--weight", key.weight, "Its share against other keys, up to 1000 (default 1)")
      ->type_name("N")
      ->check(number_between(1, 1'000));
  create->add_option("--priority", key.priority, "high, normal (default) or low")
      ->type_name("PRIORITY")
      ->check(one_of(kPriorities));
  create->add_option("--require-tag", key.require_tags,
                     "Only hosts with this tag run its jobs; may be repeated");
  create->add_flag("--no-async", key.no_async, "It may not ask for runs with the header Prefer");
  create
      ->add_option("--key-file", key.file,
                   "Take the secret from this file (-: standard input) instead of making one")
      ->type_name("FILE");
  add_reason(*create, options);
  create->callback([&options] {
    options.chosen = [&options](Context& context) {
      return create_key_command(context, options.key);
    };
  });
}

void add_keys(CLI::App& app, Options& options) {
  CLI::App* keys = add_command(app, "keys", "API keys: who may run programs, and how much",
                               "  docket keys create moodle\n"
                               "  docket keys list\n"
                               "  docket keys revoke moodle");
  keys->require_subcommand(1);
  add_new_key(*keys, options);
  CLI::App* list = add_command(*keys, "list", "Every key by name, without its secret",
                               "  docket keys list\n"
                               "  docket keys list -o json | jq -r '.keys[].name'");
  list->callback([&options] { options.chosen = list_keys_command; });
  CLI::App* revoke = add_command(*keys, "revoke", "Shut out whoever sends this key, from now on",
                                 "  docket keys revoke moodle\n"
                                 "  docket keys revoke moodle -y     (in a script)");
  revoke->add_option("name", options.key_name, "The key's name")->type_name("NAME")->required();
  revoke->add_flag("-y,--yes", options.yes, "Do not ask");
  add_reason(*revoke, options);
  revoke->callback([&options] {
    options.chosen = [&options](Context& context) {
      return revoke_key_command(context, options.key_name, options.yes);
    };
  });
}

void add_backup(CLI::App& app, Options& options) {
  CLI::App* command = add_command(
      app, "backup", "Copy the live database to a file on the master's host",
      "  docket backup                     (named by the time)\n"
      "  docket backup before-exam.db\n"
      "  scp queue.example.org:$(docket --master http://queue.example.org:4001 backup) .\n\n"
      "Prints the copy's path. It holds everything that was acknowledged before, has been "
      "checked,\n"
      "and is never written over an older one; support files are not in it.");
  command
      ->add_option("name", options.backup_name,
                   "The file's name in the master's folder --backups; no path")
      ->type_name("NAME");
  add_reason(*command, options);
  command->callback([&options] {
    options.chosen = [&options](Context& context) {
      return backup_command(context, options.backup_name);
    };
  });
}

void add_run(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  CLI::App* command = add_command(
      app, "run", "Run a program in a sandbox as if it ran here",
      "  docket run hello.py\n"
      "  docket run --stdin numbers.txt --cputime 2 sum.c\n"
      "  docket run --file data.csv report.py\n"
      "  echo 'print(6 * 7)' | docket run -l python3\n"
      "  docket run --async long.cpp     (prints the run's id; see docket jobs show)\n\n"
      "The exit status is 0 when the run's outcome is ok, else 1.");
  command->add_option("program", run.program, "The program's file; - or none: standard input")
      ->type_name("PROG");
  command
      ->add_option("-l,--language", run.language,
                   "Jobe's name of the language (default: by the ending "
                   ".c .cpp .cc .py .js .java .php .pas .m)")
      ->type_name("LANG");
  command->add_option("--stdin", run.input, "What the program reads; -: standard input")
      ->type_name("FILE");
  command->add_option("--cputime", run.cputime_s, "CPU limit in seconds")
      ->type_name("S")
      ->check(number_between(1, 120));
  command->add_option("--memory", run.memory_mb, "Memory limit in MB; 0: no limit")
      ->type_name("MB")
      ->check(number_between(0, 1'000'000));
  command
      ->add_option("--file", run.files,
                   "A file beside the program, under its base name; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command->add_flag("--async", run.asynchronous, "Print the run's id and do not wait");
  command->callback([&options] {
    options.chosen = [&options](Context& context) { return run_command(context, options.run); };
  });
}

void add_completion(CLI::App& app, Options& options) {
  CLI::App* command =
      add_command(app, "completion", "Print a script that completes this command line",
                  "  . <(docket completion bash)\n"
                  "  docket completion zsh > ~/.zfunc/_docket\n\n"
                  "The Debian package has both in place.");
  command->add_option("shell", options.shell, "bash or zsh")
      ->type_name("SHELL")
      ->check(one_of(kShells))
      ->required();
  command->callback([&app, &options] {
    options.chosen = [&app, &options](Context&) -> Result<int> {
      const Shell shell = options.shell == "bash" ? Shell::bash : Shell::zsh;
      std::fputs(completion_script(app, shell).c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const char* name, const char* about, const char* examples) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->group("Commands");
  command->footer(std::string("Examples:\n") + examples);
  return command;
}

void add_reason(CLI::App& command, Options& options) {
  command.add_option("--reason", options.reason, "Why, for docket audit")->type_name("TEXT");
}

void declare(CLI::App& app, Options& options) {
  app.set_version_flag("--version", std::string("docket ") + DOCKET_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.footer(
      "Examples:\n"
      "  docket status\n"
      "  docket agents list\n"
      "  docket jobs list --state queued\n"
      "  docket --master http://queue.example.org:4001 run hello.py\n\n"
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 unreachable,\n"
      "6 conflict, 124 timed out.");
  CLI::App* status = add_command(app, "status", "How the cluster is doing",
                                 "  docket status\n"
                                 "  docket status -o json | jq .queued");
  status->callback([&options] { options.chosen = status_command; });
  add_agents(app, options);
  add_jobs(app, options);
  add_keys(app, options);
  add_access(app, options);
  add_run(app, options);
  add_backup(app, options);
  add_completion(app, options);
  add_globals(app, options.globals);
}

}  // namespace docket::cli
