// The words of the domain that master and agent share: job ids, attempts, languages, outcomes and
// how an attempt can end. Plain values, any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"

namespace docket {

// A ULID: 48 bits of wall time in ms, then 80 random bits. Unique without a central counter, sorts
// by age, cannot be guessed. As text 26 characters of Crockford's base 32, in lower case.
struct JobId {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  auto operator<=>(const JobId&) const = default;

  std::string text() const;
  // Nothing unless the text is a well-formed id; letters may be of either case.
  static std::optional<JobId> parse(std::string_view text);
};

inline constexpr std::size_t kJobIdTextBytes = 26;

JobId make_job_id(WallMs wall, const std::array<std::uint8_t, 10>& random);
// When the id was made.
constexpr WallMs received_at(const JobId& id) {
  return static_cast<WallMs>(id.hi >> 16);
}

// The n-th try to run a job, counted from 1. Together with the agent's name it fences results.
struct AttemptId {
  JobId job;
  std::uint32_t attempt = 0;

  auto operator<=>(const AttemptId&) const = default;
};

struct Language {
  std::string id;       // Jobe's name: "python3"
  std::string version;  // as the sandbox tells it: "3.11.2"

  bool operator==(const Language&) const = default;
};

// Jobe's outcomes (its API's document; 17 and 19 are never sent by Jobe 2.2.2).
enum class Outcome : std::uint8_t {
  none = 0,
  compile_error = 11,
  runtime_error = 12,
  time_limit = 13,
  ok = 15,
  memory_limit = 17,
  illegal_call = 19,
  internal_error = 20,
  overload = 21,
};

// "ok", "compile error", … as people read it; an unknown number gives "outcome N".
std::string outcome_name(int outcome);

// How an attempt ended. The first part is said by agents on the wire, the rest only by the master.
enum class Ending : std::uint8_t {
  none = 0,               // not ended
  ran = 1,                // the sandbox answered 200 with a readable result
  rejected = 2,           // the sandbox answered 400: the client's own fault
  files_missing = 3,      // 404 from the sandbox although every file was pushed
  push_failed = 4,        // the sandbox did not take a file
  files_unavailable = 5,  // the master could not supply a file
  http_error = 6,         // 5xx, or a status that Jobe does not send
  unreachable = 7,        // no connection could be made: nothing was started
  timed_out = 8,          // no answer within the lease
  unreadable = 9,         // 200 with a body that is not a result
  expired = 10,           // the assignment came after its expiry: nothing was started
  cut = 11,               // the connection broke before the answer was whole
  cancelled = 12,         // the master said Cancel; nothing of it runs there any more
  // said by the master
  agent_lost = 32,  // the agent fell silent or went away
  overdue = 33,     // the lease ended without a word from the agent
  forgotten = 34,   // the agent came back without it
  evicted = 35,     // an operator's deadline for its host came
  doubted = 36,     // its host was too busy to believe that it ran out of time
};
inline constexpr std::uint8_t kLastWireEnding = static_cast<std::uint8_t>(Ending::cancelled);

std::string_view ending_name(Ending ending);

}  // namespace docket

template <>
struct std::hash<docket::JobId> {
  std::size_t operator()(const docket::JobId& id) const noexcept { return id.lo ^ (id.hi << 1); }
};
