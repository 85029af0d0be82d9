#include "master/core/history.h"

#include <algorithm>
#include <cmath>

#include "master/core/counters.h"

namespace docket {

HistoryKeeper::HistoryKeeper()
    : history_(
          std::make_shared<const History>(History{0, std::vector<HistoryStep>(History::kSteps)})) {}

void HistoryKeeper::finished(JobState state) {
  if (state == JobState::done) ++open_.done;
  if (state == JobState::failed || state == JobState::expired) ++open_.failed;
}

void HistoryKeeper::end_step(Now now, const ClusterSample& sample) {
  if (step_end_ == 0) {
    step_end_ = now.mono + History::kStepMs;
    history_ = std::make_shared<const History>(History{now.wall, history_->steps});
    return;
  }
  open_.known = true;
  open_.at_end = sample;
  const auto ended = static_cast<std::size_t>((now.mono - step_end_) / History::kStepMs + 1);
  std::vector<HistoryStep> steps = history_->steps;
  const std::size_t kept = History::kSteps - std::min(ended, History::kSteps);
  steps.erase(steps.begin(), steps.end() - static_cast<std::ptrdiff_t>(kept));
  if (ended <= History::kSteps) steps.push_back(open_);
  steps.resize(History::kSteps);  // those that were slept through
  open_ = {};
  step_end_ += static_cast<MonoMs>(ended) * History::kStepMs;
  const WallMs until = now.wall - (now.mono - (step_end_ - History::kStepMs));
  history_ = std::make_shared<const History>(History{until, std::move(steps)});
}

void RecentJobs::finished(const Job& job, MonoMs now) {
  Second& second = seconds_[static_cast<std::size_t>(now / 1000) % kSeconds];
  if (second.number != now / 1000) second = {now / 1000, 0, 0};
  Slice& slice = slices_[static_cast<std::size_t>(now / kSliceMs) % kSlices];
  if (slice.number != now / kSliceMs) slice = {now / kSliceMs, {}, {}};
  if (job.state == JobState::cancelled) return;
  ++slice.waits[bucket(waited_ms(job))];
  if (job.state != JobState::done) {
    ++second.failed;
    return;
  }
  ++second.done;
  ++slice.runs[bucket(job.attempts.back().run_ms)];
}

RecentRates RecentJobs::rates(MonoMs now) const {
  RecentRates rates;
  for (const Second& second : seconds_) {
    if (second.number <= now / 1000 - static_cast<std::int64_t>(kSeconds)) continue;
    rates.done += second.done;
    rates.failed += second.failed;
  }
  rates.wait_p95_s = p95_s(&Slice::waits, now);
  rates.run_p95_s = p95_s(&Slice::runs, now);
  return rates;
}

std::size_t RecentJobs::bucket(std::int64_t ms) {
  if (ms < 1) return 0;
  const double at = std::ceil(8 * std::log2(static_cast<double>(ms)));
  return std::min(static_cast<std::size_t>(at) + 1, kBuckets - 1);
}

std::optional<double> RecentJobs::p95_s(Durations Slice::*of, MonoMs now) const {
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t total = 0;
  for (const Slice& slice : slices_) {
    if (slice.number <= now / kSliceMs - static_cast<std::int64_t>(kSlices)) continue;
    const Durations& durations = slice.*of;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      counts[i] += durations[i];
      total += durations[i];
    }
  }
  if (total == 0) return std::nullopt;
  std::uint64_t above = total;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    above -= counts[i];
    // At most one in twenty is longer.
    if (above * 20 <= total) return i == 0 ? 0 : std::exp2((static_cast<double>(i) - 1) / 8) / 1000;
  }
  return std::nullopt;  // not reached: behind the last bucket nothing is above
}

}  // namespace docket
