// Keeps a flood of equal lines out of the log: the first few of a window are written, the rest are
// counted, and the count is told when the window is over. Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/base/clock.h"

namespace docket {

class LogRepeats {
 public:
  static constexpr MonoMs kWindowMs = 10'000;
  // What comes and goes a few times is news each time.
  static constexpr std::uint64_t kWritten = 3;
  // Different lines watched at once; further ones are written, however often they come.
  static constexpr std::size_t kMostLines = 64;

  struct Repeated {
    std::string line;
    int level = 0;
    std::uint64_t times = 0;  // not written
  };

  // Whether the line is to be written. `level` comes back with its count.
  bool admit(std::string_view line, int level, MonoMs now);
  // The counts that are due. Each begins a new window for its line.
  std::vector<Repeated> due(MonoMs now);

 private:
  struct Window {
    MonoMs until = 0;
    int level = 0;
    std::uint64_t times = 0;
  };
  std::unordered_map<std::string, Window> windows_;
};

}  // namespace docket
