// The waiting jobs and the order in which they go: priority first, raised by a class for every
// ageing_ms of waiting; within a class the API key that has had the least for its weight; within a
// key first come, first served. A job that comes back after a failed attempt keeps its ticket and
// so its place. Owned by the core.
//
// A key's account is the time its jobs were expected to take, divided by its weight (start-time
// fair queueing): one that begins to wait starts level with the others, so that it neither pays for
// its rest nor saves it up. However many jobs another key has waiting, its next job is at most one
// decision away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
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
    passed_over,  // not this one just now
    blocked,      // none of its lane just now
  };
  // Lanes that cannot go on for the rest of a round of offers.
  using Round = std::vector<const Lane*>;

  explicit Queue(std::uint32_t ageing_ms) : ageing_ms_(ageing_ms) {}

  void add(const std::string& language, const std::string& key, Priority priority, Ticket ticket,
           const Waiting& waiting);
  // The entry must exist.
  void remove(const std::string& language, const std::string& key, Ticket ticket);
  // A job of the key was started that is expected to take so long.
  void charge(const std::string& key, double expected_ms, std::uint32_t weight);

  // Offers waiting jobs, the next first, until one is taken; nothing when none is.
  template <class Offer>
  std::optional<JobId> take_next(Round& round, MonoMs now, Offer offer) {
    while (const Lane* lane = next_lane(round, now)) {
      for (const auto& [ticket, waiting] : lane->jobs) {
        const Offered offered = offer(*lane, waiting.job);
        if (offered == Offered::taken) {
          level_ = accounts_.at(lane->key).had;
          return waiting.job;
        }
        if (offered == Offered::blocked) break;
      }
      round.push_back(lane);
    }
    return std::nullopt;
  }

  // By language and key.
  const std::map<std::pair<std::string, std::string>, Lane>& lanes() const { return lanes_; }

 private:
  struct Account {
    double had = 0;  // expected time of its jobs so far, by weight
    std::size_t waiting = 0;
  };

  const Lane* next_lane(const Round& round, MonoMs now) const;
  int class_of(const Lane& lane, MonoMs now) const;

  const std::uint32_t ageing_ms_;
  std::map<std::pair<std::string, std::string>, Lane> lanes_;
  std::unordered_map<std::string, Account> accounts_;  // by key
  double level_ = 0;                                   // what the key of the last job had before it
};

}  // namespace docket
