// Finds the Jobe beside the agent and how many runs it takes. One thread; asks over HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/address.h"
#include "protocol/base/result.h"
#include "protocol/job.h"

namespace docket::agent {

struct FoundSandbox {
  Address address;
  std::vector<Language> languages;
};

// The first of `candidates` that tells languages as Jobe does. unavailable when none does; the
// message says what each answered.
Result<FoundSandbox> find_sandbox(const std::vector<Address>& candidates,
                                  const std::string& api_key);

// Where Jobe usually is: 127.0.0.1, ports 80, 4000 and 8080. Port 4000 is docket-master's too, so
// it is left out on the master's own host.
std::vector<Address> usual_places(const Address& master);

// jobe_max_users in Jobe's settings below `web_root` (/var/www/html); nothing when they cannot be
// read.
std::optional<std::uint32_t> jobe_max_users(const std::string& web_root);

}  // namespace docket::agent
