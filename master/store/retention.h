// Lets finished jobs go when they are too old or when the database is too large, the oldest first,
// and before that what they submitted and printed, in steps so small that commits between them
// hardly wait. Owned by the journal's thread.
//
// Unfinished jobs never go; for size, neither do jobs whose client may still ask: within an hour of
// their end, and while it may repeat its request under an idempotency key.
//
// Ends of jobs are stamped with the wall clock, which may be set at any time. Time here is the wall
// clock's or, where that is less, what it was at the start and the time since: a clock that is set
// forward makes nothing old, one that was ahead at the start and is set back neither. If it was
// behind at the start, jobs go later by as much, until the next start.
#pragma once

#include <algorithm>
#include <cstdint>

#include "master/store/journal.h"
#include "master/store/sqlite.h"
#include "protocol/base/clock.h"

namespace docket::store {

class Retention {
 public:
  struct Step {
    int deleted = 0;
    int purged = 0;        // only their bodies have gone
    bool by_size = false;  // the database is over its limit
    bool more = false;     // there is more to do at once
    std::uint64_t used_bytes = 0;
  };

  // `connection` must outlive it.
  static Result<Retention> prepare(Connection& connection, const RetentionLimits& limits,
                                   Now started);

  Result<Step> step(Now now);
  // Somebody wants the bodies of jobs that ended before that moment gone, whatever their age.
  void purge_before(WallMs before) { purge_before_ = std::max(purge_before_, before); }
  // The time by which things are old.
  WallMs age_clock(Now now) const {
    return std::min(now.wall, started_.wall + (now.mono - started_.mono));
  }

 private:
  Retention(Connection& connection, const RetentionLimits& limits, Now started)
      : connection_(&connection), limits_(limits), started_(started) {}
  Result<int> delete_too_old(WallMs wall);
  Result<int> delete_for_size(WallMs wall);
  Result<int> purge_bodies(WallMs wall);
  Result<int> step_through(Statement& oldest, Statement& change);

  Connection* connection_;
  RetentionLimits limits_;
  Now started_;
  WallMs purge_before_ = 0;
  Statement too_old_;
  Statement oldest_;
  Statement with_bodies_;
  Statement remove_;
  Statement purge_;
};

}  // namespace docket::store
