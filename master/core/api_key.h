// An API key: who may run programs, and how much. Plain values. The secret itself is never kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"

namespace docket {

enum class Priority : std::uint8_t { high = 1, normal = 2, low = 3 };

constexpr std::string_view priority_name(Priority priority) {
  switch (priority) {
    case Priority::high:
      return "high";
    case Priority::normal:
      return "normal";
    case Priority::low:
      return "low";
  }
  return "unknown";
}

constexpr std::optional<Priority> priority_of(std::string_view name) {
  for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    if (priority_name(priority) == name) return priority;
  }
  return std::nullopt;
}

inline constexpr std::size_t kMaxApiKeys = 10'000;
inline constexpr std::uint32_t kMaxKeyWeight = 1'000;

struct ApiKey {
  std::string name;               // as an agent's: it stands in logs, lists and URLs
  std::string hash;               // SHA-256 of the secret, in hex
  std::uint32_t hourly_rate = 0;  // most POST runs in an hour; 0: no bound
  std::uint32_t max_queued = 0;   // most of its jobs that may wait at once; 0: no bound
  std::uint32_t weight = 1;       // its share against other keys, 1..kMaxKeyWeight
  Priority priority = Priority::normal;
  bool may_async = true;
  std::vector<std::string> tags;  // that a host must have to run its jobs
  WallMs created = 0;
};

// By hash of the secret. Shared, unchanging.
using ApiKeys = std::map<std::string, ApiKey, std::less<>>;

}  // namespace docket
