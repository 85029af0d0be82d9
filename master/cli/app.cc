#include "master/cli/app.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "master/cli/commands.h"
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

// A host that could change the URL's meaning is no host.
Result<Address> master_address(const Globals& globals) {
  const char* from_environment = std::getenv("DOCKET_MASTER");
  const bool set = from_environment != nullptr && *from_environment != '\0';
  const char* setting = globals.master.empty() && set ? "DOCKET_MASTER" : "--master";
  const std::string text = !globals.master.empty() ? globals.master
                           : set                   ? from_environment
                                                   : kDefaultMaster;
  auto address = parse_url_address(setting, "http", text);
  if (!address) {
    return Error{address.error().code, visible(address.error().message) + ". See docket --help"};
  }
  if (address->host.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789.-_:") != std::string::npos) {
    return Error{ErrorCode::invalid, std::string(setting) + ": " + in_quotes(text) +
                                         " is not http://HOST:PORT. See docket --help"};
  }
  return address;
}

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

int run_chosen(const Options& options) {
  const auto address = master_address(options.globals);
  if (!address) return report(address.error());
  Client client(*address);
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
