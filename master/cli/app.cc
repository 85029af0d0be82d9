#include "master/cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "master/cli/commands.h"
#include "master/cli/credentials.h"
#include "master/cli/master_url.h"
#include "master/cli/options.h"
#include "master/cli/text.h"
#include "protocol/base/clock.h"

namespace docket::cli {
namespace {

int report(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "docket: %s\n", error.message.c_str());
  return facts_of(error.code).exit_code;
}

// A wrong command line as one line that names the command it was meant for.
int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const bool is_group = command->get_require_subcommand_min() > 0;
  std::string message = error.what();
  if (const auto extras = app.remaining(true); !extras.empty()) {
    const std::string& extra = extras.front();
    const char* what = extra.starts_with("-") && extra.size() > 1 ? "unknown option"
                       : is_group                                 ? "unknown command"
                                                                  : "unexpected argument";
    message = std::string(what) + " '" + extra + "'";
  } else if (error.get_name() == "RequiredError" && is_group) {
    message = "a command is missing";
  }
  return report({ErrorCode::invalid, visible(message) + ". See " + name + " --help"});
}

constexpr std::size_t kMostReasonBytes = 200;

Result<Master> chosen_master(const Options& options) {
  const char* from_environment = std::getenv("DOCKET_MASTER");
  const bool set = from_environment != nullptr && *from_environment != '\0';
  const std::string& given = options.globals.master;
  // Without a home there are no credentials, which is as good as having none.
  const auto path = credentials_path();
  auto credentials = path ? read_credentials(*path) : Result<Credentials>(Credentials{});
  if (!credentials) return credentials.error();
  const std::string last = credentials->last.empty() ? kDefaultMaster : credentials->last;
  const auto url =
      master_url(given.empty() && set ? "DOCKET_MASTER" : "--master", !given.empty() ? given
                                                                      : set ? from_environment
                                                                            : last);
  if (!url) return url.error();
  const bool line = options.reason.size() <= kMostReasonBytes &&
                    std::ranges::none_of(options.reason, [](unsigned char c) { return c < ' '; });
  if (!line) {
    return Error{ErrorCode::invalid,
                 "--reason: one line of at most " + std::to_string(kMostReasonBytes) + " bytes"};
  }
  const auto& known = credentials->of_master[*url];
  return Master{*url, known.token, known.ca_file, options.reason};
}

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

int run_chosen(const Options& options) {
  auto master = chosen_master(options);
  if (!master) return report(master.error());
  Client client(std::move(*master));
  Context context{client, options.globals.format == "json" ? Format::json : Format::table,
                  colour_wanted(), read_clock().wall};
  const auto code = options.chosen(context);
  return code ? *code : report(code.error());
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Looks into a Docket master and runs programs on its sandboxes", "docket");
  Options options;
  declare(app, options);
  int code = 0;
  try {
    app.parse(argc, argv);
    code = run_chosen(options);
  } catch (const CLI::Success& done) {  // --help, --version
    code = app.exit(done);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return report({ErrorCode::internal, "standard output could not be written"});
  }
  return code;
}

}  // namespace

int run_command_line(int argc, char** argv) noexcept {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return report({ErrorCode::internal, visible(error.what())});
  }
}

}  // namespace docket::cli
