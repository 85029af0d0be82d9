// Who may be on the link: the agents' public keys, and the tokens by which new ones join. Plain
// values. No secret is kept: a token is known by a digest of the public key that its secret makes.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/digest.h"

namespace docket {

enum class Trust : std::uint8_t {
  awaiting = 1,   // an operator's approval; until then it is kept off the link
  probation = 2,  // no runs before its canaries have passed
  full = 3,
};
inline constexpr Trust kLastTrust = Trust::full;

struct AgentKey {
  std::string name;        // of the agent that it speaks for, and for no other
  std::string public_key;  // 64 hex digits
  Trust trust = Trust::awaiting;
  WallMs joined = 0;
};

struct JoinTokenRecord {
  std::string id;  // of token_id_of()
  WallMs expires = 0;
  std::uint32_t uses = 1;  // left
  bool approve = false;    // who joins by it awaits an operator's approval
  std::vector<std::string> tags;
};

// A thousand hosts, and as many again that were installed anew.
inline constexpr std::size_t kMaxAgentKeys = 10'000;
inline constexpr std::size_t kMaxJoinTokens = 1'000;
inline constexpr std::size_t kTokenIdShown = 8;  // digits of an id, where people see it
inline constexpr std::uint32_t kMaxTokenUses = 10'000;
inline constexpr std::uint32_t kMaxTokenSeconds = 30 * 24 * 3'600;
// An expired token is remembered for so long, so that its holder is told why it is refused.
inline constexpr std::int64_t kSpentTokenKeptMs = std::int64_t{7} * 24 * 3'600 * 1'000;

inline std::string token_id_of(std::string_view public_key) {
  return sha256_hex(public_key);
}

// Public keys of agents, and ids of tokens. Shared, unchanging.
using LinkKeys = std::set<std::string, std::less<>>;

}  // namespace docket
