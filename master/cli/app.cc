#include "master/cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "master/cli/commands.h"
#include "master/cli/credentials.h"
#include "master/cli/master_url.h"
#include "master/cli/options.h"
#include "master/cli/settings.h"
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

Status check_reason(const std::string& reason) {
  const bool line = reason.size() <= kMostReasonBytes &&
                    std::ranges::none_of(reason, [](unsigned char c) { return c < ' '; });
  if (line) return ok_status();
  return Error{ErrorCode::invalid,
               "--reason: one line of at most " + std::to_string(kMostReasonBytes) + " bytes"};
}

// What somebody set, the last of all by having logged in.
Result<Settings> chosen_settings(const Globals& globals, const Credentials& credentials) {
  Settings settings;
  settings.master = {globals.master, "--master"};
  settings.output = {globals.format, "-o"};
  if (globals.no_headers) settings.no_headers = {"true", "--no-headers"};
  settings = merged(settings, settings_of_environment());
  Settings login;
  login.master = {credentials.last, "docket login"};
  settings = merged(settings, login);
  const auto folder = user_folder();
  for (const auto& path : {folder ? *folder + "/docket.toml" : "", std::string(kSystemSettings)}) {
    const auto file = path.empty() ? Result<Settings>(Settings{}) : read_settings(path);
    if (!file) return file.error();
    settings = merged(settings, *file);
  }
  Settings fallback;
  fallback.master = {kDefaultMaster, "--master"};
  fallback.output = {"table", "-o"};
  fallback.no_headers = {"false", "--no-headers"};
  return merged(settings, fallback);
}

Result<Format> format_named(const Setting& output) {
  constexpr Format kAll[] = {Format::table, Format::wide, Format::json, Format::jsonl,
                             Format::name};
  for (const Format format : kAll) {
    if (kFormats[static_cast<std::size_t>(format)] == output.value) return format;
  }
  return Error{ErrorCode::invalid, visible(output.from) + ": " + in_quotes(output.value) +
                                       " is none of table, wide, json, jsonl, name"};
}

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool plain = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(STDOUT_FILENO) == 1 && !plain && (no_colour == nullptr || *no_colour == '\0');
}

Result<int> run_chosen(const Options& options) {
  if (const auto reason = check_reason(options.reason); !reason) return reason.error();
  // Without a home there are no credentials, which is as good as having none.
  const auto path = credentials_path();
  auto credentials = path ? read_credentials(*path) : Result<Credentials>(Credentials{});
  if (!credentials) return credentials.error();
  const auto settings = chosen_settings(options.globals, *credentials);
  if (!settings) return settings.error();
  const auto url = master_url(settings->master.from, settings->master.value);
  if (!url) return url.error();
  const auto format = format_named(settings->output);
  if (!format) return format.error();
  const auto& known = credentials->of_master[*url];
  Client client({*url, known.token, known.ca_file, options.reason});
  Context context{client,
                  *format,
                  colour_wanted(),
                  read_clock().wall,
                  settings->no_headers.value != "true",
                  options.watch};
  return options.chosen(context);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Looks into a Docket master and runs programs on its sandboxes", "docket");
  Options options;
  declare(app, options);
  int code = 0;
  try {
    app.parse(argc, argv);
    const auto done = run_chosen(options);
    code = done ? *done : report(done.error());
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
