// What every server program needs around its work: options, a data folder of its own, signals, and
// one line on stderr when it cannot start. Used by main functions only.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "protocol/base/log.h"
#include "protocol/base/result.h"
#include "protocol/base/wake_fd.h"

namespace docket {

// Adds --config FILE (TOML keys are the long options' names; flags win), --log-level and --version.
void add_common_options(CLI::App& app, std::string& log_level);
// Likewise, and --log-format, --log-file and --log-file-mb.
void add_common_options(CLI::App& app, LogOptions& log);

// Parses the command line, runs `body`, and turns StartError and wrong options into one line on
// stderr. Exit codes: 0, 1 cannot start, 2 wrong options, else what `body` returned.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

// A start-up value or a StartError that begins with the setting's name.
template <class T>
T start_value(const std::string& setting, Result<T> result) {
  if (result) return std::move(result).value();
  const std::string& why = result.error().message;
  throw StartError(why.starts_with(setting) ? why : setting + ": " + why);
}

// Holds DIR for this process alone for as long as it lives; makes DIR when it is not there.
// StartError naming `setting` when the folder cannot be made or written, or is in use.
class DataFolder {
 public:
  DataFolder(const std::string& setting, std::string dir);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  const std::string& path() const { return dir_; }

 private:
  std::string dir_;
  int lock_ = -1;
};

// SIGTERM and SIGINT, and SIGHUP for a program that reloads, as something to wait for. Made first,
// before any thread, so that every thread inherits the blocked mask.
class StopSignals {
 public:
  enum class Woken { done, stop, reload, time };

  explicit StopSignals(bool reloads = false);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Waits for SIGTERM or SIGINT (true) or for `done` to be raised (false).
  bool wait(const WakeFd& done) const;
  // Waits for anything, timeout_ms at the most.
  Woken wait_any(const WakeFd& done, int timeout_ms) const;

 private:
  int fd_;
};

}  // namespace docket
