// What the store tells of itself, for /metrics. Plain values.
#pragma once

#include <cstdint>

#include "master/core/seams.h"
#include "protocol/base/histogram.h"

namespace docket {

// From an SSD's commit to a disk's that is in trouble.
struct CommitSeconds {
  static constexpr std::array kUpTo = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
};

struct BatchRows {
  static constexpr std::array kUpTo = {1.0,   2.0,   5.0,   10.0,   20.0,  50.0,
                                       100.0, 200.0, 500.0, 1000.0, 2000.0};
};

struct JournalFigures {
  Histogram<CommitSeconds> commit_seconds;  // those that succeeded
  Histogram<BatchRows> commit_rows;
  std::uint64_t failed_commits = 0;
  std::uint64_t deleted_jobs = 0;    // by retention
  std::uint64_t database_bytes = 0;  // in use, as retention saw it last
};

struct StoreFigures {
  JournalFigures journal;
  FileUse files;
  std::uint64_t max_database_bytes = 0;
};

}  // namespace docket
