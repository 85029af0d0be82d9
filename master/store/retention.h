// Lets finished jobs go when they are too old or when the database is too large, the oldest first,
// in steps so small that commits between them hardly wait. Owned by the journal's thread.
//
// Unfinished jobs never go; for size, neither do jobs whose client may still repeat its request
// under an idempotency key.
#pragma once

#include <cstdint>

#include "master/store/journal.h"
#include "master/store/sqlite.h"
#include "protocol/base/clock.h"

namespace docket::store {

class Retention {
 public:
  struct Step {
    int deleted = 0;
    bool by_size = false;  // the database is over its limit
    bool more = false;     // there is more to do at once
    std::uint64_t used_bytes = 0;
  };

  // `connection` must outlive it.
  static Result<Retention> prepare(Connection& connection, const RetentionLimits& limits);

  Result<Step> step(Now now);

 private:
  Retention(Connection& connection, const RetentionLimits& limits)
      : connection_(&connection), limits_(limits) {}
  Result<int> delete_oldest(Statement& oldest);

  Connection* connection_;
  RetentionLimits limits_;
  Statement too_old_;
  Statement oldest_;
  Statement remove_;
};

}  // namespace docket::store
