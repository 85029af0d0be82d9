// Who waits for which job, and until when. Owned by the core.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "master/core/events.h"

namespace docket {

struct Waiter {
  JobId job;
  MonoMs until = kNever;
  bool watches = false;  // asks for a job it was told of; else the job is its own request
  Patience patience;
};

class Waiters {
 public:
  void add(ReplyTo to, const Waiter& waiter) {
    waiters_.emplace(to, waiter);
    if (waiter.until != kNever) ends_.emplace(waiter.until, to);
  }

  // Nothing when it does not wait, or no longer.
  std::optional<Waiter> remove(ReplyTo to) {
    const auto found = waiters_.find(to);
    if (found == waiters_.end()) return std::nullopt;
    const Waiter waiter = found->second;
    if (waiter.until != kNever) ends_.erase({waiter.until, to});
    waiters_.erase(found);
    return waiter;
  }

  // The first whose time is up; 0 when there is none.
  ReplyTo due(MonoMs now) const {
    return ends_.empty() || ends_.begin()->first > now ? 0 : ends_.begin()->second;
  }
  MonoMs next_end() const { return ends_.empty() ? kNever : ends_.begin()->first; }
  std::vector<ReplyTo> watching() const {
    std::vector<ReplyTo> found;
    for (const auto& [to, waiter] : waiters_) {
      if (waiter.watches) found.push_back(to);
    }
    return found;
  }
  std::size_t size() const { return waiters_.size(); }

 private:
  std::unordered_map<ReplyTo, Waiter> waiters_;
  std::set<std::pair<MonoMs, ReplyTo>> ends_;
};

}  // namespace docket
