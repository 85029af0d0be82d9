// The waiting jobs and the order in which they go: priority first, raised by a class for every
// ageing_ms of waiting, and with it all of the same priority or a better one; within a class the
// API key that has had the least for its weight; within a key first come, first served. A job that
// comes back after a failed attempt keeps its ticket and so its place. Owned by the core.
//
// Within a class a key's account is the time its jobs were expected to take, divided by its weight.
// Who has had less than the class's level, which only rises, counts as level (start-time fair
// queueing): so a key neither pays for its rest nor saves it up. Among those at the level, whose
// account is lowest goes first: jobs elsewhere, in a language of other hosts, may raise the level
// above everybody here. However many jobs another key of its class has waiting, its next job is at
// most one decision away.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "master/core/api_key.h"
#include "protocol/job.h"

namespace docket {

using Ticket = std::uint64_t;  // the order of arrival, unique

class Queue {
 public:
  struct Waiting {
    JobId job;
    MonoMs since = 0;  // when it came
  };
  // The jobs of one key in one language; never empty.
  struct Lane {
    std::string language;
    std::string key;
    Priority priority = Priority::normal;
    std::map<Ticket, Waiting> jobs;
  };
  // What became of an offer.
  enum class Offered {
    taken,
    passed_over,       // not this one just now
    lane_blocked,      // none of its lane
    language_blocked,  // none of its language
  };
  // What cannot go on for the rest of a round of offers.
  struct Round {
    std::set<std::string> blocked;         // languages
    std::unordered_set<const Lane*> done;  // lanes that were offered through
  };
  // The job that was taken, and where its key stood before it.
  struct Taken {
    JobId job;
    int rank = 0;  // its class
    double start = 0;
  };

  explicit Queue(std::uint32_t ageing_ms) : ageing_ms_(ageing_ms) {}

  void add(const std::string& language, const std::string& key, Priority priority, Ticket ticket,
           const Waiting& waiting);
  // The entry must exist.
  void remove(const std::string& language, const std::string& key, Ticket ticket);
  // The job is expected to take so long, in ms for each unit of its key's weight.
  void charge(const std::string& key, const Taken& taken, double cost_ms);

  // Offers waiting jobs, the next first, until one is taken; nothing when none is.
  template <class Offer>
  std::optional<Taken> take_next(Round& round, MonoMs now, Offer offer) {
    while (const auto next = next_lane(round, now)) {
      const auto& [lane, rank, start] = *next;
      for (const auto& [ticket, waiting] : lane->jobs) {
        const Offered offered = offer(*lane, waiting.job);
        if (offered == Offered::taken) return Taken{waiting.job, rank, start};
        if (offered == Offered::language_blocked) round.blocked.insert(lane->language);
        if (offered != Offered::passed_over) break;
      }
      round.done.insert(lane);
    }
    return std::nullopt;
  }

  // Where a job stands.
  struct Place {
    const std::string& language;
    const std::string& key;
    Ticket ticket;
  };
  // Jobs of one key that begin before another's.
  struct Ahead {
    std::string key;
    std::size_t jobs = 0;
    bool by_priority = false;  // they are of a higher class; else it is their key's turn
  };
  // The most that can begin before the job there if nothing more comes and nobody ages; the job's
  // own key first, then by key. `meets` tells whether jobs of a language compete with it, `cost`
  // what a lane's jobs are charged.
  std::vector<Ahead> ahead_of(const Place& place, MonoMs now,
                              const std::function<bool(const std::string&)>& meets,
                              const std::function<double(const Lane&)>& cost) const;
  // The class the job is in by now.
  Priority priority_of(const Place& place, MonoMs now,
                       const std::function<bool(const std::string&)>& meets) const;

  // By language and key.
  const std::map<std::pair<std::string, std::string>, Lane>& lanes() const { return lanes_; }

 private:
  struct Next {
    const Lane* lane;
    int rank;
    double start;
  };
  struct Class {
    double level = 0;                             // where the last job taken began
    std::unordered_map<std::string, double> had;  // by key: its account, perhaps below the level
  };
  static constexpr int kClasses = 3;

  std::optional<Next> next_lane(const Round& round, MonoMs now) const;
  const Lane& lane_of(const Place& place) const;
  // Where each priority stands by now: 0 is the highest class.
  using Ranks = std::array<int, kClasses>;
  template <class LeftOut>
  Ranks ranks_of(MonoMs now, LeftOut left_out) const;
  static int rank_in(const Ranks& ranks, const Lane& lane);
  struct Account {
    double start = 0;  // where its next job would begin
    double had = 0;    // perhaps less than that
  };
  Account account_of(const Lane& lane, int rank) const;

  const std::uint32_t ageing_ms_;
  std::map<std::pair<std::string, std::string>, Lane> lanes_;
  std::array<Class, kClasses> classes_;  // high, normal, low
};

}  // namespace docket
