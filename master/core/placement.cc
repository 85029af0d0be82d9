#include "master/core/placement.h"

#include <algorithm>
#include <cstdint>

namespace docket {
namespace {

// True when a is less loaded than b would be with one more run each, without dividing.
bool less_loaded(const Agent& a, const Agent& b) {
  const auto capacity = [](const Agent& x) {
    return static_cast<std::uint64_t>(x.slots) * x.weight_percent;
  };
  const auto left = (a.slots_taken() + 1) * capacity(b);
  const auto right = (b.slots_taken() + 1) * capacity(a);
  return left != right ? left < right : a.last_assigned < b.last_assigned;
}

}  // namespace

Placement place(Agents& agents, const std::string& language,
                const std::vector<std::string>& tried) {
  Agent* fresh = nullptr;
  Agent* again = nullptr;
  bool untried_exists = false;
  for (auto& [name, agent] : agents.all()) {
    if (!agent.takes_work() || !agent.has(language)) continue;
    const bool was_tried = std::find(tried.begin(), tried.end(), name) != tried.end();
    untried_exists = untried_exists || !was_tried;
    if (agent.slots_taken() >= agent.slots) continue;
    Agent*& best = was_tried ? again : fresh;
    if (best == nullptr || less_loaded(agent, *best)) best = &agent;
  }
  Placement placement;
  placement.line_blocked = fresh == nullptr && again == nullptr;
  placement.agent = fresh != nullptr || untried_exists ? fresh : again;
  return placement;
}

}  // namespace docket
