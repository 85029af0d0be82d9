#include "master/core/placement.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace docket {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::uint64_t capacity(const Agent& agent) {
  return std::uint64_t{agent.slots} * agent.weight_percent;
}

// Well mixed bits of a counter (the finaliser of SplitMix64).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Sees one candidate after the other and keeps the one that the policy wants.
class Choice {
 public:
  Choice(PlacementPolicy policy, const std::vector<std::string>& files, std::uint64_t turn)
      : policy_(policy), files_(files), random_(mixed(turn)) {}

  void offer(Agent& agent) {
    if (best_ == nullptr || beats_best(agent)) best_ = &agent;
    weight_ += capacity(agent);
  }
  Agent* best() const { return best_; }

 private:
  bool beats_best(const Agent& agent) {
    switch (policy_) {
      case PlacementPolicy::least_loaded:
        return less_loaded(agent);
      case PlacementPolicy::weighted_random:
        // Each in its turn takes the place with its share of the weight so far.
        random_ = mixed(random_);
        return random_ % (weight_ + capacity(agent)) < capacity(agent);
      case PlacementPolicy::round_robin:
        return agent.last_assigned < best_->last_assigned;
    }
    return false;
  }

  // With one more run each, without dividing; then who has the files, then who waited for longest.
  bool less_loaded(const Agent& agent) const {
    const auto left = (agent.slots_taken() + 1) * capacity(*best_);
    const auto right = (best_->slots_taken() + 1) * capacity(agent);
    if (left != right) return left < right;
    const auto files_here = files_held(agent);
    const auto files_there = files_held(*best_);
    if (files_here != files_there) return files_here > files_there;
    return agent.last_assigned < best_->last_assigned;
  }

  std::ptrdiff_t files_held(const Agent& agent) const {
    return std::count_if(files_.begin(), files_.end(),
                         [&](const std::string& file) { return agent.files.has(file); });
  }

  const PlacementPolicy policy_;
  const std::vector<std::string>& files_;
  std::uint64_t random_;
  std::uint64_t weight_ = 0;
  Agent* best_ = nullptr;
};

std::string short_of(const char* what, std::uint64_t has, std::uint64_t needs) {
  return std::string("short of ") + what + ": " + std::to_string(has) +
         " MB free, a run may need " + std::to_string(needs);
}

}  // namespace

Obstacle obstacle(const Agent& agent, const Demand& demand, const CoreSettings& settings) {
  if (!agent.has(demand.language)) return Obstacle::lacks_language;
  const auto pin = settings.pins.find(demand.language);
  if (pin != settings.pins.end() && !contains(pin->second, agent.name)) {
    return Obstacle::pinned_elsewhere;
  }
  for (const std::string& tag : demand.tags) {
    if (!contains(agent.tags, tag)) return Obstacle::lacks_tag;
  }
  if (!agent.takes_work()) return Obstacle::takes_no_work;
  if (!agent.shortage.empty()) return Obstacle::short_of;
  const bool needs_room = !demand.doubted_on.empty();
  const std::uint32_t room = needs_room ? agent.fitting_slots() : agent.open_slots();
  return agent.slots_taken() < room ? Obstacle::none : Obstacle::full;
}

std::string shortage_of(const HostReport& host, const CoreSettings& settings) {
  if (host.free_memory_mb < settings.min_free_memory_mb) {
    return short_of("memory", host.free_memory_mb, settings.min_free_memory_mb);
  }
  if (host.free_disk_mb < settings.min_free_disk_mb) {
    return short_of("disk", host.free_disk_mb, settings.min_free_disk_mb);
  }
  if (settings.max_load_percent != 0 && host.load_percent > settings.max_load_percent) {
    return "overloaded: " + std::to_string(host.load_percent) + " % of its cores wanted, " +
           std::to_string(settings.max_load_percent) + " allowed";
  }
  return {};
}

Placement place(Agents& agents, const Demand& demand, const CoreSettings& settings,
                std::uint64_t turn) {
  Choice fresh(settings.placement, demand.files, turn);
  Choice again(settings.placement, demand.files, turn);
  Agent* doubted_on = nullptr;
  bool untried_exists = false;
  bool language_has_room = false;
  for (auto& [name, agent] : agents.all()) {
    const Obstacle found = obstacle(agent, demand, settings);
    language_has_room =
        language_has_room || found == Obstacle::none || found == Obstacle::lacks_tag;
    if (!takes_such(found)) continue;
    const bool was_tried = contains(demand.tried, name);
    untried_exists = untried_exists || !was_tried;
    if (found != Obstacle::none) continue;
    if (name == demand.doubted_on && !was_tried) {
      doubted_on = &agent;
    } else {
      (was_tried ? again : fresh).offer(agent);
    }
  }
  if (fresh.best() != nullptr) return {fresh.best()};
  if (doubted_on != nullptr) return {doubted_on};
  if (again.best() != nullptr) return {untried_exists ? nullptr : again.best()};
  if (!demand.doubted_on.empty()) return {};  // others of its lane may need no room
  return {nullptr,
          language_has_room ? Placement::Blocked::same_demand : Placement::Blocked::language};
}

}  // namespace docket
