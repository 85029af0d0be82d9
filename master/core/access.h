// Who may use the operations listener, and how far. Plain values. The tokens themselves are never
// kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"

namespace docket {

// Each may all that the one before it may.
enum class Role : std::uint8_t {
  read = 1,     // look: the cluster, jobs without what students wrote
  operate = 2,  // hold agents, cancel and submit runs
  admin = 3,    // keys, tokens, copies of the database, purges, the audit list
};

constexpr std::string_view role_name(Role role) {
  switch (role) {
    case Role::read:
      return "read";
    case Role::operate:
      return "operate";
    case Role::admin:
      return "admin";
  }
  return "unknown";
}

constexpr std::optional<Role> role_of(std::string_view name) {
  for (const Role role : {Role::read, Role::operate, Role::admin}) {
    if (role_name(role) == name) return role;
  }
  return std::nullopt;
}

// Every request looks at each of them; more people than this run no cluster.
inline constexpr std::size_t kMaxAccessTokens = 1'000;

struct AccessToken {
  std::string name;  // who: it stands in lists, in logs and in the audit
  std::string hash;  // SHA-256 of the token, in hex
  Role role = Role::read;
  bool source = false;  // sees what students submit and what their programs print
  WallMs created = 0;
};

// By name. Shared, unchanging.
using AccessTokens = std::map<std::string, AccessToken, std::less<>>;

}  // namespace docket
