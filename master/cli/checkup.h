// What docket doctor makes of the master's answers. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "protocol/base/address.h"
#include "protocol/base/clock.h"
#include "protocol/base/finding.h"

namespace docket::cli {

struct Checkup {
  nlohmann::json self;  // GET /api/v1/doctor, and the others of that name
  nlohmann::json status;
  nlohmann::json agents;
  nlohmann::json link;
  nlohmann::json keys;
  std::string asked_host;  // of the operations listener
  WallMs asked = 0;        // when the first went out, and when its answer came, by our clock
  WallMs answered = 0;
  std::optional<Address> jobe;       // where the Jobe listener is, as seen from here
  std::string jobe_problem;          // why it does not answer there
  std::optional<Address> agents_at;  // the agents' listener; looked at where no agent is connected
  std::string agents_problem;
};

// The address of a listener as it is seen by who asked `asked_host`; nothing where that is another
// host and the listener is on loopback.
std::optional<Address> seen_from(const std::string& asked_host, const std::string& listens);

bool has_connected_agents(const nlohmann::json& agents);

Findings findings_of(const Checkup& checkup);

// The two lines that belong into CodeRunner's settings, by the names that they have there.
std::string coderunner_settings(const Checkup& checkup);

}  // namespace docket::cli
