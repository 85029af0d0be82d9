// Which agent a job goes to, and what keeps it from the others. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "master/core/agents.h"
#include "master/core/settings.h"

namespace docket {

// What a waiting job asks of its host.
struct Demand {
  const std::string& language;
  const std::vector<std::string>& tags;   // all of them, for its API key
  const std::vector<std::string>& tried;  // agents where it has failed
  const std::vector<std::string>& files;
  // A host that was too busy for it: it runs again, only where there are fewer runs than cores and
  // rather elsewhere. Empty: none was.
  const std::string& doubted_on;
};

// The first thing that keeps a job from an agent, the most lasting ones first.
enum class Obstacle : std::uint8_t {
  none,
  lacks_language,
  pinned_elsewhere,  // the language belongs to other hosts
  lacks_tag,
  takes_no_work,  // away, held, quarantined: the agent's state says it
  short_of,       // its host lacks memory or disk, or is overloaded: Agent::shortage says it
  full,
};

// The agent is not for such jobs, whatever becomes of it.
constexpr bool is_unfit(Obstacle obstacle) {
  return obstacle == Obstacle::lacks_language || obstacle == Obstacle::pinned_elsewhere ||
         obstacle == Obstacle::lacks_tag;
}

// The agent takes such jobs, now or when a slot is free.
constexpr bool takes_such(Obstacle obstacle) {
  return obstacle == Obstacle::none || obstacle == Obstacle::full;
}

Obstacle obstacle(const Agent& agent, const Demand& demand, const CoreSettings& settings);

// What an agent's host lacks for the next run, for people; empty when nothing.
std::string shortage_of(const HostReport& host, const CoreSettings& settings);

struct Placement {
  // How far the answer "nowhere just now" reaches.
  enum class Blocked : std::uint8_t { job, same_demand, language };
  Agent* agent = nullptr;  // null: nowhere just now
  Blocked blocked = Blocked::job;
};

// Of the agents that nothing keeps it from, settings.placement chooses one. Where the job has
// failed it goes again only if no other agent could take it, now or when a slot is free. `turn`
// differs from call to call; chance is drawn from it.
Placement place(Agents& agents, const Demand& demand, const CoreSettings& settings,
                std::uint64_t turn);

}  // namespace docket
