// SIGHUP: the settings are read again, as at the start; those that can change while the program
// runs are taken over, all or none, and one line says what was done. Used by main functions only.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/program.h"
#include "protocol/base/result.h"

namespace docket {

// What was given for each option, by its long name; nothing where the default holds.
using Given = std::map<std::string, std::vector<std::string>>;
Given given_options(const CLI::App& app);

struct Changes {
  std::vector<std::string> applied;
  std::vector<std::string> kept;  // need a restart
};
// Takes those named in `live` over from `fresh`, in `running` too.
Changes take_over(Given& running, const Given& fresh, std::span<const std::string_view> live);

class Reload {
 public:
  // argc and argv as main() had them; `live` outlives it.
  Reload(int argc, char** argv, const CLI::App& app, std::span<const std::string_view> live)
      : argc_(argc), argv_(argv), running_(given_options(app)), live_(live) {}

  // Opens the log anew and reads the settings into `fresh`, an app declared like the first. If they
  // are good, and `apply` says so too, the changes hold. What became of it is logged.
  void run(CLI::App& fresh, const std::function<Status()>& apply, const Logger& log);

 private:
  const int argc_;
  char** const argv_;
  Given running_;
  const std::span<const std::string_view> live_;
};

// Waits for SIGTERM or SIGINT (true) or for `done` to be raised (false), and does meanwhile what is
// due: reloads, and counts of lines that were left out of the log.
bool wait_for_stop(const StopSignals& signals, const WakeFd& done,
                   const std::function<void()>& reload, const Logger& log);

}  // namespace docket
