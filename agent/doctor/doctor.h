// What docket-agent doctor does: looks at the host, its Jobe and its master, and says what is wrong
// and how to mend it. Changes nothing. One thread; no single look takes more than 15 s.
#pragma once

#include <cstdint>
#include <string>

#include "agent/join/join.h"
#include "protocol/base/finding.h"
#include "protocol/base/result.h"

namespace docket::agent {

struct DoctorOrder {
  std::string config;  // the agent's settings; what they lack is as the agent has it by default
  std::string token;   // to join by, of a host that has not; empty: as the settings say
  std::string jobe;    // http://HOST:PORT; empty: as the settings say, or looked for
  std::string data;    // empty: as the settings say, or as join has it
  std::string host_name;
  std::uint32_t cores = 1;
  std::string web_root = "/var/www/html";  // where Jobe's settings are looked for
  std::string version;
};

// An error where the settings or the token cannot be read.
Result<Findings> examine(const DoctorOrder& order);

// The part that joining waits for: whether the host can run programs.
Result<Findings> examine_host(const DoctorOrder& order, const Prospect& prospect);

}  // namespace docket::agent
