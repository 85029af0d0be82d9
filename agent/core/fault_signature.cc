#include "agent/core/fault_signature.h"

namespace docket::agent {

std::string fault_signature(std::string_view text) {
  constexpr std::string_view kMarks[] = {"runguard: ", "sudo: ", "/home/jobe/runguard"};
  constexpr std::size_t kMostBytes = 200;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    for (const auto mark : kMarks) {
      if (line.starts_with(mark)) return std::string(line.substr(0, kMostBytes));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace docket::agent
