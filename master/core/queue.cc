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

void Queue::charge(const std::string& key, const Taken& taken, double expected_ms,
                   std::uint32_t weight) {
  CHECK_THAT(weight > 0);
  Class& of_rank = classes_[static_cast<std::size_t>(taken.rank)];
  of_rank.level = std::max(of_rank.level, taken.start);
  of_rank.had[key] = taken.start + expected_ms / weight;
  std::erase_if(of_rank.had, [&](const auto& entry) { return entry.second <= of_rank.level; });
}

std::optional<Queue::Next> Queue::next_lane(const Round& round, MonoMs now) const {
  std::optional<Next> best;
  std::tuple<int, double, Ticket> best_place;
  const auto left_out = [&](const Lane& lane) {
    return round.blocked.contains(lane.language) || round.done.contains(&lane);
  };
  // Where each priority stands: who ages takes its equals and betters along, else the old jobs of a
  // flood would hold up another key's new ones until those had aged as well.
  std::array<int, kClasses> ranks{0, 1, 2};
  for (const auto& [name, lane] : lanes_) {
    if (left_out(lane)) continue;
    const int rank = rank_of(lane, now);
    for (int own = class_of(lane.priority); own >= 0; --own) {
      int& stands = ranks[static_cast<std::size_t>(own)];
      stands = std::min(stands, rank);
    }
  }
  for (const auto& [name, lane] : lanes_) {
    if (left_out(lane)) continue;
    const int rank = ranks[static_cast<std::size_t>(class_of(lane.priority))];
    const double start = start_of(lane, rank);
    const std::tuple place(rank, start, lane.jobs.begin()->first);
    if (best && best_place <= place) continue;
    best = Next{&lane, rank, start};
    best_place = place;
  }
  return best;
}

int Queue::rank_of(const Lane& lane, MonoMs now) const {
  const MonoMs waited = now - lane.jobs.begin()->second.since;
  const int rank = class_of(lane.priority);
  return std::max<int>(0, rank - static_cast<int>(std::min<MonoMs>(waited / ageing_ms_, kClasses)));
}

double Queue::start_of(const Lane& lane, int rank) const {
  const Class& of_rank = classes_[static_cast<std::size_t>(rank)];
  const auto had = of_rank.had.find(lane.key);
  return had == of_rank.had.end() ? of_rank.level : std::max(of_rank.level, had->second);
}

}  // namespace docket
