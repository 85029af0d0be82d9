#include "protocol/base/log_repeats.h"

#include <utility>

namespace docket {

bool LogRepeats::admit(std::string_view line, int level, MonoMs now) {
  std::string text(line);
  const auto known = windows_.find(text);
  if (known != windows_.end()) return ++known->second.times <= kWritten;
  if (windows_.size() < kMostLines) {
    windows_.emplace(std::move(text), Window{now + kWindowMs, level, 1});
  }
  return true;
}

std::vector<LogRepeats::Repeated> LogRepeats::due(MonoMs now) {
  std::vector<Repeated> told;
  for (auto at = windows_.begin(); at != windows_.end();) {
    Window& window = at->second;
    if (now < window.until) {
      ++at;
    } else if (window.times <= kWritten) {
      at = windows_.erase(at);
    } else {
      told.push_back({at->first, window.level, window.times - kWritten});
      // The count stands for the line: while the flood lasts, nothing else of it is written.
      window.times = kWritten;
      window.until = now + kWindowMs;
      ++at;
    }
  }
  return told;
}

}  // namespace docket
