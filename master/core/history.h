// How busy the cluster was: the last hour in steps for the page's charts, and the last minutes for
// its cards. In memory only: a new start begins with an hour that nothing is known of. Owned by the
// core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "master/core/job.h"
#include "protocol/base/clock.h"

namespace docket {

// The cluster at the end of a step.
struct ClusterSample {
  std::size_t waiting = 0;
  std::size_t busy = 0;  // slots, of those in `slots`
  std::size_t slots = 0;
  std::int64_t oldest_wait_ms = 0;
};

struct HistoryStep {
  bool known = false;
  // Within the step.
  std::uint64_t arrived = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;  // and expired: their clients got no result
  ClusterSample at_end;
};

struct History {
  static constexpr MonoMs kStepMs = 10'000;
  static constexpr std::size_t kSteps = 360;

  WallMs until = 0;                // the end of the last step
  std::vector<HistoryStep> steps;  // kSteps, oldest first
};

class HistoryKeeper {
 public:
  HistoryKeeper();

  void arrived() { ++open_.arrived; }
  void finished(JobState state);

  // A step has ended, or the first has not begun: end_step() must follow before the next count.
  bool due(MonoMs now) const { return now >= step_end_; }
  // Steps in which the process stood still are unknown.
  void end_step(Now now, const ClusterSample& sample);

  // Never null; unchanged until a step ends.
  std::shared_ptr<const History> history() const { return history_; }

 private:
  MonoMs step_end_ = 0;  // 0: the first has not begun
  HistoryStep open_;
  std::shared_ptr<const History> history_;
};

// Counts of the last minute, percentiles of the last five.
struct RecentRates {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  // Of jobs that ended; nothing when none has. At most 9 % too high.
  std::optional<double> wait_p95_s;
  std::optional<double> run_p95_s;
};

class RecentJobs {
 public:
  void finished(const Job& job, MonoMs now);
  RecentRates rates(MonoMs now) const;

 private:
  static constexpr std::size_t kSeconds = 60;
  static constexpr std::size_t kSlices = 30;
  static constexpr MonoMs kSliceMs = 10'000;
  // Eight to each doubling, from 1 ms to a day: a bound is 9 % above the one before.
  static constexpr std::size_t kBuckets = 216;

  using Durations = std::array<std::uint32_t, kBuckets>;
  struct Second {
    std::int64_t number = -1;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
  };
  struct Slice {
    std::int64_t number = -1;
    Durations waits{};
    Durations runs{};
  };

  static std::size_t bucket(std::int64_t ms);
  std::optional<double> p95_s(Durations Slice::*of, MonoMs now) const;

  std::array<Second, kSeconds> seconds_{};
  std::array<Slice, kSlices> slices_{};
};

}  // namespace docket
