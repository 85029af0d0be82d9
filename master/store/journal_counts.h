// What the journal counts while it works: written by its thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "master/core/store_figures.h"

namespace docket::store {

struct JournalCounts {
  SharedHistogram<CommitSeconds> commit_seconds;
  SharedHistogram<BatchRows> commit_rows;
  std::atomic<std::uint64_t> failed_commits = 0;
  std::atomic<std::uint64_t> deleted_jobs = 0;
  std::atomic<std::uint64_t> database_bytes = 0;

  JournalFigures read() const {
    return {commit_seconds.read(), commit_rows.read(), failed_commits, deleted_jobs,
            database_bytes};
  }
};

}  // namespace docket::store
