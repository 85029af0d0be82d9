#include "master/core/queue.h"

#include <algorithm>
#include <tuple>

#include "protocol/base/check.h"

namespace docket {

void Queue::add(const std::string& language, const std::string& key, Priority priority,
                Ticket ticket, const Waiting& waiting) {
  Lane& lane = lanes_[{language, key}];
  lane.language = language;
  lane.key = key;
  lane.priority = priority;
  const bool added = lane.jobs.emplace(ticket, waiting).second;
  CHECK_THAT(added);
  Account& account = accounts_[key];
  if (account.waiting++ == 0) account.had = std::max(account.had, level_);
}

void Queue::remove(const std::string& language, const std::string& key, Ticket ticket) {
  const auto lane = lanes_.find({language, key});
  CHECK_THAT(lane != lanes_.end() && lane->second.jobs.erase(ticket) == 1);
  if (lane->second.jobs.empty()) lanes_.erase(lane);
  const auto account = accounts_.find(key);
  CHECK_THAT(account != accounts_.end() && account->second.waiting > 0);
  --account->second.waiting;
}

void Queue::charge(const std::string& key, double expected_ms, std::uint32_t weight) {
  CHECK_THAT(weight > 0);
  Account& account = accounts_[key];
  account.had += expected_ms / weight;
  // Who has nothing waiting and is level with the others needs no account.
  std::erase_if(accounts_, [this](const auto& entry) {
    return entry.second.waiting == 0 && entry.second.had <= level_;
  });
}

const Queue::Lane* Queue::next_lane(const Round& round, MonoMs now) const {
  const Lane* best = nullptr;
  std::tuple<int, double, Ticket> best_rank;
  for (const auto& [name, lane] : lanes_) {
    if (std::find(round.begin(), round.end(), &lane) != round.end()) continue;
    const std::tuple rank(class_of(lane, now), accounts_.at(lane.key).had,
                          lane.jobs.begin()->first);
    if (best != nullptr && best_rank <= rank) continue;
    best = &lane;
    best_rank = rank;
  }
  return best;
}

int Queue::class_of(const Lane& lane, MonoMs now) const {
  const MonoMs waited = now - lane.jobs.begin()->second.since;
  const MonoMs raised = std::clamp<MonoMs>(waited / ageing_ms_, 0, 2);
  return std::max(static_cast<int>(Priority::high),
                  static_cast<int>(lane.priority) - static_cast<int>(raised));
}

}  // namespace docket
