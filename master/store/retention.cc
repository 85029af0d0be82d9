#include "master/store/retention.h"

#include <algorithm>
#include <string>
#include <vector>

#include "master/core/seams.h"
#include "master/store/rows.h"

namespace docket::store {
namespace {

// A step ends after so many rows or bytes, because a commit waits for the one that has begun. While
// 100,000 jobs went, commits took 8 ms (p50) and 56 ms at the longest; without, 20 ms at the
// longest (tests/unit/store_retention_test.cc prints it).
constexpr std::int64_t kStepRows = 100;
constexpr std::int64_t kStepBytes = 1 << 20;
constexpr const char* kReturnPages = "PRAGMA incremental_vacuum(256)";

// length() of a blob reads the row's head only.
constexpr const char* kTooOld =
    "SELECT id, length(run_spec) + ifnull(length(result), 0) FROM jobs "
    "WHERE state > 2 AND finished_ms < ? ORDER BY finished_ms LIMIT ?";
constexpr const char* kOldest =
    "SELECT id, length(run_spec) + ifnull(length(result), 0) FROM jobs "
    "WHERE state > 2 AND finished_ms < ? AND (idempotency_key = '' OR received_ms < ?) "
    "ORDER BY finished_ms LIMIT ?";
// By the index jobs_with_bodies, whose condition this is.
constexpr const char* kWithBodies =
    "SELECT id, length(run_spec) + ifnull(length(result), 0) FROM jobs "
    "WHERE state > 2 AND length(run_spec) > 0 AND finished_ms < ? ORDER BY finished_ms LIMIT ?";
constexpr const char* kPurge = "UPDATE jobs SET run_spec = x'', result = NULL WHERE id = ?";

}  // namespace

Result<Retention> Retention::prepare(Connection& connection, const RetentionLimits& limits,
                                     Now started) {
  Retention retention(connection, limits, started);
  const Status done = connection.prepare({
      {&retention.too_old_, kTooOld},
      {&retention.oldest_, kOldest},
      {&retention.with_bodies_, kWithBodies},
      {&retention.remove_, kDeleteJob},
      {&retention.purge_, kPurge},
  });
  if (!done) return done.error();
  return retention;
}

Result<Retention::Step> Retention::step(Now now) {
  std::int64_t sizes[3];
  const char* pragmas[] = {"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"};
  for (int i = 0; i < 3; ++i) {
    const auto size = connection_->integer(pragmas[i]);
    if (!size) return size.error();
    sizes[i] = *size;
  }
  const auto [pages, free_pages, page_bytes] = sizes;
  Step done;
  done.used_bytes = static_cast<std::uint64_t>((pages - free_pages) * page_bytes);
  done.by_size = done.used_bytes > limits_.database_bytes;
  const WallMs wall = age_clock(now);
  const auto deleted = done.by_size ? delete_for_size(wall) : delete_too_old(wall);
  if (!deleted) return deleted.error();
  done.deleted = *deleted;
  if (*deleted == 0) {
    const auto purged = purge_bodies(wall);
    if (!purged) return purged.error();
    done.purged = *purged;
  }
  done.more = done.deleted + done.purged > 0;
  // Pages that became free are used again, so the file is made smaller only where it is too large.
  const bool too_large = static_cast<std::uint64_t>(pages * page_bytes) > limits_.database_bytes;
  if (!done.more && too_large && free_pages > 0) {
    if (auto returned = connection_->execute(kReturnPages); !returned) return returned.error();
    // A database that was put together anew by hand may not know how to shrink.
    const auto left = connection_->integer("PRAGMA freelist_count");
    if (!left) return left.error();
    done.more = *left < free_pages;
  }
  return done;
}

Result<int> Retention::delete_too_old(WallMs wall) {
  too_old_.bind(1, wall - limits_.age_ms);
  too_old_.bind(2, kStepRows);
  return step_through(too_old_, remove_);
}

Result<int> Retention::delete_for_size(WallMs wall) {
  oldest_.bind(1, wall - kLeastKeptMs);
  oldest_.bind(2, wall - limits_.names_ms);
  oldest_.bind(3, kStepRows);
  return step_through(oldest_, remove_);
}

Result<int> Retention::purge_bodies(WallMs wall) {
  with_bodies_.bind(1, std::max(wall - limits_.bodies_ms, purge_before_));
  with_bodies_.bind(2, kStepRows);
  return step_through(with_bodies_, purge_);
}

Result<int> Retention::step_through(Statement& oldest, Statement& change) {
  std::vector<std::string> ids;
  for (std::int64_t bytes = 0; bytes < kStepBytes;) {
    const auto row = oldest.step();
    if (!row) {
      oldest.reset();
      return row.error();
    }
    if (!*row) break;
    ids.push_back(oldest.text(0));
    bytes += oldest.integer(1);
  }
  oldest.reset();
  if (ids.empty()) return 0;
  const Status done = connection_->transaction([&] {
    for (const std::string& id : ids) {
      change.bind(1, id);
      if (auto changed = change.run(); !changed) return changed;
    }
    return ok_status();
  });
  if (!done) return done.error();
  return static_cast<int>(ids.size());
}

}  // namespace docket::store
