#include "tests/trial_jobe/guard.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "master/http/api/php_value.h"

namespace docket::trial_jobe {
namespace {

// Below these the compile step's limits are raised.
constexpr std::int64_t kLeastCpuSeconds = 2;
constexpr std::int64_t kLeastMemoryMb = 500;
constexpr std::int64_t kLeastDiskMb = 20;
constexpr std::int64_t kLeastProcesses = 5;
constexpr std::int64_t kPerMega = 1'000;
constexpr double kMostTimerSeconds = 9223372036854775808.0;

Number integer(std::int64_t value) {
  return {static_cast<double>(value), true, std::to_string(value)};
}

Number of_step(const Number& given, Step step, std::int64_t least) {
  const bool raised =
      step == Step::compile && given.value != 0 && given.value < static_cast<double>(least);
  return raised ? integer(least) : given;
}

// PHP's `factor * number + more`, as it writes it into the command.
std::string calculated(const Number& number, std::int64_t factor, std::int64_t more = 0) {
  if (number.whole) {
    return std::to_string(static_cast<std::int64_t>(number.value) * factor + more);
  }
  const double value = number.value * static_cast<double>(factor) + static_cast<double>(more);
  return php::text_of(php::Value{value});
}

bool below(const std::string& text, std::int64_t least) {
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  const bool integer =
      text.size() > digits && text.find_first_not_of("0123456789", digits) == std::string::npos;
  return !integer || std::strtoll(text.c_str(), nullptr, 10) < least;
}

bool no_seconds(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return *end != '\0' || !std::isfinite(value) || value <= 0;
}

std::string complaint_of(const std::string& text) {
  const std::string guard = kGuard;
  return guard + ": " + text + "\nTry `" + guard + " --help' for more information.\n";
}

std::string invalid(const std::string& what, const std::string& text) {
  return complaint_of("invalid " + what + " specified: `" + text + "'");
}

std::string time_complaint(const Number& cpu_s) {
  // The shell cuts the text at white space: in front of a number it leaves nothing of the option.
  const auto space = std::find_if(cpu_s.text.begin(), cpu_s.text.end(),
                                  [](unsigned char c) { return std::isspace(c) != 0; });
  const std::string text(cpu_s.text.begin(), space);
  if (no_seconds(text)) return invalid("cputime", text);
  const std::string wall = calculated(cpu_s, 2);
  return no_seconds(wall) ? invalid("runtime", wall) : std::string();
}

}  // namespace

std::string guard_complaint(const Parameters& given, Step step, const LanguageRules& language) {
  const bool java = language.id == "java";  // has no memory limit, and at least 256 processes
  if (given.cpu_s) {
    auto complaint = time_complaint(of_step(*given.cpu_s, step, kLeastCpuSeconds));
    if (!complaint.empty()) return complaint;
  }
  if (given.processes && !(java && given.processes->value < 256)) {
    const auto count = calculated(of_step(*given.processes, step, kLeastProcesses), 1, 1);
    if (below(count, 1)) return invalid("process limit", count);
  }
  if (given.stream_mb) {
    const auto size = calculated(*given.stream_mb, kPerMega);
    if (below(size, 0)) return invalid("streamsize limit", size);
  }
  if (given.memory_mb && !java && given.memory_mb->value != 0) {
    const auto size = calculated(of_step(*given.memory_mb, step, kLeastMemoryMb), kPerMega);
    if (below(size, 1)) return invalid("memory limit", size);
  }
  if (given.disk_mb) {
    const Number disk = of_step(*given.disk_mb, step, kLeastDiskMb);
    const auto size = calculated(disk, kPerMega);
    if (disk.value != -1 && below(size, 1)) return invalid("filesize limit", size);
  }
  if (given.cpu_s && 2 * given.cpu_s->value >= kMostTimerSeconds) {
    return complaint_of("setting timer: Invalid argument");
  }
  return {};
}

}  // namespace docket::trial_jobe
