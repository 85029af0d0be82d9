// Joining a cluster by a token, and leaving it: what docket-agent join and leave do. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/join/sandbox_search.h"
#include "protocol/base/address.h"
#include "protocol/base/result.h"

namespace docket::agent {

inline constexpr const char* kUsualData = "/var/lib/docket/agent";

// What joining found and would set up.
struct Prospect {
  FoundSandbox sandbox;
  std::string data;
};
// Looks at the host before anything is changed; an error ends the joining.
using Examine = std::function<Status(const Prospect&)>;

struct JoinOrder {
  std::string token;
  std::string config;                      // file to write
  std::string name;                        // empty: as the file says, or the host's
  std::string jobe;                        // http://HOST:PORT; empty: as the file says, or found
  std::string data;                        // empty: as the file says, or /var/lib/docket/agent
  std::string host_name;                   // of this host
  std::uint32_t cores = 1;                 // likewise
  std::string web_root = "/var/www/html";  // where Jobe's settings are looked for
  std::string version;
  Examine examine;  // may be empty
};

// What is told while it goes on, a line each.
using Tell = std::function<void(const std::string& line)>;

// Nothing is sent to the master before it has proved the key in the token, and nothing of the
// configuration is written before it has taken the host in. Doing it again changes nothing. The
// message of an error says what to do.
Status join(const JoinOrder& order, const Tell& tell);

struct LeaveOrder {
  std::string config;
  std::string data;  // empty: as the file says
};

// The agent must not be running. The key is removed once the master has forgotten it.
Status leave(const LeaveOrder& order, const Tell& tell);

std::string key_path(const std::string& data);

}  // namespace docket::agent
