#include "master/cli/options.h"

#include <cstdio>

#include "master/cli/completion.h"
#include "master/cli/option_kinds.h"

namespace docket::cli {
namespace {

constexpr const char* kPriorities[] = {"high", "normal", "low"};
constexpr int kMostOfKey = 1'000'000'000;
constexpr const char* kShells[] = {"bash", "zsh"};

// The common options are taken before and after every command; the last one given wins.
void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--master", globals.master,
                 std::string("The master's operations listener (also DOCKET_MASTER; default ") +
                     kDefaultMaster + ")")
      ->type_name("http://H:P")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("-o,--output", globals.format, "table (default), wide, json, jsonl or name")
      ->type_name("FORMAT")
      ->check(one_of(kFormats))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("--no-headers", globals.no_headers, "Tables without their titles");
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    add_globals(*command, globals);
  }
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
  command->add_flag("--progress", run.progress,
                    "Say what it waits for and where it runs, also without a terminal");
  command->add_flag("--async", run.asynchronous, "Print the run's id and do not wait");
  command->callback([&options] {
    options.chosen = [&options](Context& context) { return run_command(context, options.run); };
  });
}

void add_files(CLI::App& app, Options& options) {
  CLI::App* files = add_command(app, "files", "Support files that runs need, kept by the master",
                                "  docket files list\n"
                                "  docket files gc --unused 30d --dry-run");
  files->require_subcommand(1);
  CLI::App* list = add_command(*files, "list", "The support files, those used last first",
                               "  docket files list\n"
                               "  docket files list -o json | jq .bytes");
  list->callback([&options] { options.chosen = list_files_command; });
  CLI::App* gc = add_command(*files, "gc", "Remove files that no run has used for long",
                             "  docket files gc --unused 30d --dry-run\n"
                             "  docket files gc --unused 4w -y     (in a script)\n\n"
                             "What a waiting or running run needs stays. A client that needs a "
                             "removed one sends it again.");
  gc->add_option("--unused", options.gc.older_than, "Not used for so long: 30d, 4w")
      ->type_name("AGE")
      ->required();
  gc->add_flag("--dry-run", options.gc.dry_run, "Only say how many there are");
  gc->add_flag("-y,--yes", options.gc.yes, "Do not ask");
  add_reason(*gc, options);
  gc->callback([&options] {
    options.chosen = [&options](Context& context) {
      return collect_files_command(context, options.gc);
    };
  });
}

void add_looks(CLI::App& app, Options& options) {
  CLI::App* status = add_command(app, "status", "How the cluster is doing",
                                 "  docket status\n"
                                 "  docket status -w\n"
                                 "  docket status -o json | jq .queued");
  add_watch(*status, options);
  status->callback([&options] { options.chosen = status_command; });
  CLI::App* doctor =
      add_command(app, "doctor", "What is wrong with the master, and how to mend it",
                  "  docket doctor\n"
                  "  docket doctor -o json | jq '.[] | select(.result != \"ok\")'\n\n"
                  "At the end it prints what to enter in CodeRunner's settings. The exit\n"
                  "status is 1 when something failed. On a sandbox host: docket-agent doctor");
  doctor->callback([&options] { options.chosen = doctor_command; });
  CLI::App* top = add_command(app, "top", "The cluster on one screen, until Ctrl-C",
                              "  docket top\n\n"
                              "Where standard output is no terminal it is shown once.");
  top->callback([&options] { options.chosen = top_command; });
  CLI::App* languages =
      add_command(app, "languages", "Which languages can be run, in which versions, where",
                  "  docket languages\n"
                  "  docket languages -o wide     (with the hosts' names)");
  languages->callback([&options] { options.chosen = languages_command; });
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

void add_watch(CLI::App& command, Options& options) {
  command.add_flag("-w,--watch", options.watch,
                   "Show it again every 2 seconds, or what has changed, until Ctrl-C");
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
      "6 conflict, 7 done in part, 124 timed out.");
  add_looks(app, options);
  add_agents(app, options);
  add_jobs(app, options);
  add_keys(app, options);
  add_files(app, options);
  add_access(app, options);
  add_run(app, options);
  add_backup(app, options);
  add_loadtest(app, options);
  add_completion(app, options);
  add_globals(app, options.globals);
}

}  // namespace docket::cli
