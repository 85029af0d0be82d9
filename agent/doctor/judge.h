// What the doctor makes of the facts. Pure.
#pragma once

#include <string>

#include "agent/doctor/facts.h"
#include "protocol/base/finding.h"

namespace docket::agent {

// `name` and `version` are this host's.
void judge_master(const MasterFacts& facts, const std::string& name, const std::string& version,
                  Findings& out);
// `slots` of the agent. What stands behind something that failed is left out.
void judge_sandbox(const SandboxFacts& facts, std::uint32_t slots, Findings& out);
void judge_host(const HostFacts& facts, Findings& out);

}  // namespace docket::agent
