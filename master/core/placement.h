// Which agent a job goes to: of those that have the language and a free slot, the one least loaded
// relative to slots x weight; among equals the one that has waited longest for work. Pure.
#pragma once

#include <string>
#include <vector>

#include "master/core/agents.h"

namespace docket {

struct Placement {
  Agent* agent = nullptr;     // where it goes; null: nowhere just now
  bool line_blocked = false;  // no agent with this language has a free slot: ask for no other job
};

// `tried` are the agents where the job has failed: they are used again only if no other connected
// agent that takes work has the language.
Placement place(Agents& agents, const std::string& language, const std::vector<std::string>& tried);

}  // namespace docket
