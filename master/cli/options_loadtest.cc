// docket loadtest.
#include "master/cli/option_kinds.h"

namespace docket::cli {

void add_loadtest(CLI::App& app, Options& options) {
  LoadTestOptions& test = options.loadtest;
  CLI::App* command = add_command(
      app, "loadtest", "An exam's start, tried: how long would students wait?",
      "  docket loadtest --students 500 --questions 5 --language python3 --dry-run\n"
      "  docket loadtest --students 500 --questions 5 --language python3\n\n"
      "Each student submits a small program, waits for its result, and goes on to the next; all\n"
      "begin at once. Where the API has keys, the test has one of its own, of low priority, for "
      "its\n"
      "time. Ctrl-C ends it in order. What it does to hosts and network is real: try a quiet "
      "hour.");
  command->add_option("--students", test.students, "So many at a time (default 100)")
      ->type_name("N")
      ->check(number_between(1, 20'000));
  command
      ->add_option("--questions", test.questions, "Runs of each, one after the other (default 5)")
      ->type_name("N")
      ->check(number_between(1, 1'000));
  command
      ->add_option("-l,--language", test.language, "Jobe's name of the language (default python3)")
      ->type_name("LANG");
  command
      ->add_option("--jobe", test.jobe,
                   "Where Moodle submits (default: port 4000 on the master's host)")
      ->type_name("URL");
  command->add_flag("--dry-run", test.dry_run, "Only say what would be run");
  command->add_flag("-y,--yes", test.yes, "Do not ask where runs of others are under way");
  command->callback([&options] {
    options.chosen = [&options](Context& context) {
      return loadtest_command(context, options.loadtest);
    };
  });
}

}  // namespace docket::cli
