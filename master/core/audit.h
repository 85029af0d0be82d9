// The audit list: who did what through the operations listener. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/base/clock.h"

namespace docket {

// A line for people; what a caller can say in it is bounded where it is read.
struct AuditEntry {
  WallMs at = 0;
  std::string who;   // the token's name, or "local"
  std::string what;  // "agents.drain"
  std::string on;    // the agent, run, key or token it was done to
  std::string why;   // in the caller's words; may be empty
  std::string from;  // the caller's address
};

struct AuditRecord {
  std::int64_t id = 0;  // rises with time
  AuditEntry entry;
};

struct AuditFilter {
  std::string who;          // empty: anybody
  std::string what;         // empty: anything; "agents" also means "agents.drain"
  std::int64_t before = 0;  // only those with a lower id; 0: the newest
  std::uint32_t limit = 50;
};

// A year of a busy site is some thousands. Only callers who were let in make entries, so nobody
// outside can push others out.
inline constexpr std::size_t kMostAuditEntries = 100'000;

}  // namespace docket
