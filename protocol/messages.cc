#include "protocol/messages.h"

#include <algorithm>

namespace docket {

bool acceptable_agent_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  return !name.empty() && name.size() <= kMostBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::uint32_t common_protocol(std::uint32_t newest, std::uint32_t oldest) {
  const std::uint32_t common = std::min(kProtocolVersion, newest);
  return common >= std::max(kOldestProtocol, oldest == 0 ? newest : oldest) ? common : 0;
}

}  // namespace docket
