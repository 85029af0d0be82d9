#include "master/core/queue.h"

#include <algorithm>
#include <tuple>

#include "protocol/base/check.h"

namespace docket {
namespace {

constexpr int class_of(Priority priority) {
  return static_cast<int>(priority) - static_cast<int>(Priority::high);
}

}  // namespace

void Queue::add(const std::string& language, const std::string& key, Priority priority,
                Ticket ticket, const Waiting& waiting) {
  Lane& lane = lanes_[{language, key}];
  lane.language = language;
  lane.key = key;
  lane.priority = priority;
  const bool added = lane.jobs.emplace(ticket, waiting).second;
  CHECK_THAT(added);
}

void Queue::remove(const std::string& language, const std::string& key, Ticket ticket) {
  const auto lane = lanes_.find({language, key});
  CHECK_THAT(lane != lanes_.end() && lane->second.jobs.erase(ticket) == 1);
  if (lane->second.jobs.empty()) lanes_.erase(lane);
}

void Queue::charge(const std::string& key, const Taken& taken, double cost_ms) {
  CHECK_THAT(cost_ms > 0);
  Class& of_rank = classes_[static_cast<std::size_t>(taken.rank)];
  of_rank.level = std::max(of_rank.level, taken.start);
  of_rank.had[key] = taken.start + cost_ms;
}

// Who ages takes its equals and betters along, else the old jobs of a flood would hold up another
// key's new ones until those had aged as well.
template <class LeftOut>
Queue::Ranks Queue::ranks_of(MonoMs now, LeftOut left_out) const {
  Ranks ranks{0, 1, 2};
  for (const auto& [name, lane] : lanes_) {
    if (left_out(lane)) continue;
    const MonoMs waited = now - lane.jobs.begin()->second.since;
    const auto raised = static_cast<int>(std::min<MonoMs>(waited / ageing_ms_, kClasses));
    const int rank = std::max(0, class_of(lane.priority) - raised);
    for (int own = class_of(lane.priority); own >= 0; --own) {
      int& stands = ranks[static_cast<std::size_t>(own)];
      stands = std::min(stands, rank);
    }
  }
  return ranks;
}

int Queue::rank_in(const Ranks& ranks, const Lane& lane) {
  return ranks[static_cast<std::size_t>(class_of(lane.priority))];
}

std::optional<Queue::Next> Queue::next_lane(const Round& round, MonoMs now) const {
  std::optional<Next> best;
  std::tuple<int, double, double, Ticket> best_place;
  const auto left_out = [&](const Lane& lane) {
    return round.blocked.contains(lane.language) || round.done.contains(&lane);
  };
  const Ranks ranks = ranks_of(now, left_out);
  for (const auto& [name, lane] : lanes_) {
    if (left_out(lane)) continue;
    const int rank = rank_in(ranks, lane);
    const auto [start, had] = account_of(lane, rank);
    const std::tuple place(rank, start, had, lane.jobs.begin()->first);
    if (best && best_place <= place) continue;
    best = Next{&lane, rank, start};
    best_place = place;
  }
  return best;
}

std::vector<Queue::Ahead> Queue::ahead_of(const Place& place, MonoMs now,
                                          const std::function<bool(const std::string&)>& meets,
                                          const std::function<double(const Lane&)>& cost) const {
  const Lane& own = lane_of(place);
  const auto apart = [&](const Lane& lane) { return !meets(lane.language); };
  const Ranks ranks = ranks_of(now, apart);
  const int rank = rank_in(ranks, own);
  struct Rivals {
    std::size_t higher = 0;
    std::size_t equals = 0;
    double start = 0;
    double cost = 0;  // the least of theirs
  };
  std::map<std::string, Rivals> of_others;
  Ahead of_own{place.key, 0, false};
  for (const auto& [name, lane] : lanes_) {
    if (apart(lane)) continue;
    const int its_rank = rank_in(ranks, lane);
    if (lane.key == place.key) {
      const auto end = its_rank < rank ? lane.jobs.end() : lane.jobs.lower_bound(place.ticket);
      if (its_rank <= rank) of_own.jobs += std::distance(lane.jobs.begin(), end);
      continue;
    }
    if (its_rank > rank) continue;
    Rivals& rivals = of_others[lane.key];
    (its_rank < rank ? rivals.higher : rivals.equals) += lane.jobs.size();
    if (its_rank < rank) continue;
    rivals.start = account_of(lane, rank).start;
    rivals.cost = rivals.cost == 0 ? cost(lane) : std::min(rivals.cost, cost(lane));
  }
  std::vector<Ahead> ahead;
  if (of_own.jobs > 0) ahead.push_back(of_own);
  // Each of its own key's jobs moves the key's account on; a rival goes first until its own account
  // has passed it.
  const double turn = account_of(own, rank).start + static_cast<double>(of_own.jobs) * cost(own);
  for (const auto& [key, rivals] : of_others) {
    if (rivals.higher > 0) ahead.push_back({key, rivals.higher, true});
    if (rivals.equals == 0 || rivals.start > turn) continue;
    const double most = (turn - rivals.start) / rivals.cost + 1;
    const auto before =
        most < static_cast<double>(rivals.equals) ? static_cast<std::size_t>(most) : rivals.equals;
    ahead.push_back({key, before, false});
  }
  return ahead;
}

Priority Queue::priority_of(const Place& place, MonoMs now,
                            const std::function<bool(const std::string&)>& meets) const {
  const Ranks ranks = ranks_of(now, [&](const Lane& lane) { return !meets(lane.language); });
  const int rank = rank_in(ranks, lane_of(place));
  return static_cast<Priority>(rank + static_cast<int>(Priority::high));
}

const Queue::Lane& Queue::lane_of(const Place& place) const {
  const auto lane = lanes_.find({place.language, place.key});
  CHECK_THAT(lane != lanes_.end() && lane->second.jobs.contains(place.ticket));
  return lane->second;
}

Queue::Account Queue::account_of(const Lane& lane, int rank) const {
  const Class& of_rank = classes_[static_cast<std::size_t>(rank)];
  const auto found = of_rank.had.find(lane.key);
  const double had = found == of_rank.had.end() ? 0 : found->second;
  return {std::max(of_rank.level, had), had};
}

}  // namespace docket
