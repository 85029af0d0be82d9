// What the person hears of runs that are waited for, on standard error: a line that is rewritten on
// a terminal, else a line for each change. One thread.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace docket::cli {

// "01m8… queued: At most 3 runs begin before it, if no others come." From the answer to why. Pure.
std::string progress_text(const nlohmann::json& why);

class Progress {
 public:
  // Shown on a terminal, or because it was asked for.
  explicit Progress(bool asked_for);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool shown() const { return shown_; }
  // Of the run `id`; the same text again is no news.
  void tell_of(const std::string& id, const std::string& text);
  // Before anything else is written.
  void clear();

 private:
  const bool terminal_;
  const bool shown_;
  const std::chrono::steady_clock::time_point began_;
  std::map<std::string, std::string> told_;
  bool line_is_there_ = false;
};

}  // namespace docket::cli
