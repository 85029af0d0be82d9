// The last hour and the last minutes, as the core keeps them. Time is a number.
#include "master/core/history.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

Job ended(JobState state, std::int64_t waited_ms, std::uint32_t run_ms) {
  Job job;
  job.state = state;
  job.received = 1'000'000;
  Attempt attempt;
  attempt.assigned = job.received + waited_ms;
  attempt.run_ms = run_ms;
  job.attempts.push_back(attempt);
  return job;
}

constexpr WallMs kWall = 1'700'000'000'000;

Now at(MonoMs mono) {
  return {mono, kWall + mono};
}

}  // namespace

TEST_SUITE("history") {
  TEST_CASE("an hour of which nothing is known, then one step after the other") {
    HistoryKeeper keeper;
    CHECK(keeper.due(1'000));
    keeper.end_step(at(1'000), {});
    CHECK(keeper.history()->until == kWall + 1'000);
    REQUIRE(keeper.history()->steps.size() == History::kSteps);
    CHECK_FALSE(keeper.history()->steps.back().known);
    keeper.arrived();
    keeper.arrived();
    keeper.finished(JobState::done);
    keeper.finished(JobState::failed);
    keeper.finished(JobState::expired);
    keeper.finished(JobState::cancelled);  // neither
    CHECK_FALSE(keeper.due(10'999));
    CHECK(keeper.due(11'000));
    keeper.end_step(at(11'200), {.waiting = 1, .busy = 2, .slots = 4, .oldest_wait_ms = 700});
    const auto first = keeper.history();
    CHECK(first->until == kWall + 11'000);  // the step's end, not when it was noticed
    REQUIRE(first->steps.size() == History::kSteps);
    const HistoryStep& step = first->steps.back();
    CHECK(step.known);
    CHECK(step.arrived == 2);
    CHECK(step.done == 1);
    CHECK(step.failed == 2);
    CHECK(step.at_end.busy == 2);
    CHECK(step.at_end.oldest_wait_ms == 700);
    CHECK_FALSE(first->steps[History::kSteps - 2].known);
    CHECK_FALSE(keeper.due(20'999));
    keeper.end_step(at(21'000), {});
    CHECK(keeper.history()->steps.back().arrived == 0);
    CHECK(keeper.history()->steps[History::kSteps - 2].arrived == 2);
    CHECK(first->steps.back().arrived == 2);  // what was given out does not change
  }

  TEST_CASE("steps that the process slept through are unknown, and an hour is all there is") {
    const MonoMs begun = 5'000;
    HistoryKeeper slept;
    slept.end_step(at(begun), {});
    slept.arrived();
    slept.end_step(at(begun + 35'000), {.waiting = 9});
    const auto& steps = slept.history()->steps;
    CHECK(slept.history()->until == kWall + begun + 30'000);
    CHECK(steps[History::kSteps - 3].arrived == 1);
    CHECK_FALSE(steps[History::kSteps - 2].known);
    CHECK_FALSE(steps[History::kSteps - 1].known);
    slept.arrived();
    slept.end_step(at(begun + 40'000), {});
    CHECK(slept.history()->steps.back().known);
    // Longer than the hour.
    slept.end_step(at(begun + 40'000 + 3'600'000 * 3), {});
    for (const HistoryStep& step : slept.history()->steps) CHECK_FALSE(step.known);
    CHECK(slept.history()->steps.size() == History::kSteps);
    for (int i = 1; i <= 500; ++i) {
      slept.arrived();
      slept.end_step(at(begun + 40'000 + 3'600'000 * 3 + i * History::kStepMs), {});
    }
    for (const HistoryStep& step : slept.history()->steps) CHECK(step.arrived == 1);
    CHECK(slept.history()->steps.size() == History::kSteps);
  }

  TEST_CASE("counts of a minute, percentiles of five, whatever the mix") {
    RecentJobs recent;
    CHECK_FALSE(recent.rates(50'000'000).wait_p95_s);
    std::mt19937 random(1);
    std::vector<std::int64_t> waits;
    MonoMs now = 50'000'000;
    for (int i = 0; i < 5'000; ++i) {
      const auto wait = static_cast<std::int64_t>(random() % 100'000);
      waits.push_back(wait);
      recent.finished(ended(JobState::done, wait, static_cast<std::uint32_t>(wait / 10)), now);
    }
    std::sort(waits.begin(), waits.end());
    const double exact = static_cast<double>(waits[waits.size() * 95 / 100]) / 1000;
    const RecentRates rates = recent.rates(now);
    CHECK(rates.done == 5'000);
    REQUIRE(rates.wait_p95_s);
    CHECK(*rates.wait_p95_s >= exact * 0.99);
    CHECK(*rates.wait_p95_s <= exact * 1.1);
    REQUIRE(rates.run_p95_s);
    CHECK(*rates.run_p95_s <= exact / 10 * 1.1);
    recent.finished(ended(JobState::failed, 1, 0), now);
    recent.finished(ended(JobState::cancelled, 1, 0), now);
    CHECK(recent.rates(now).failed == 1);
    CHECK(recent.rates(now + 59'000).done == 5'000);
    CHECK(recent.rates(now + 60'000).done == 0);
    CHECK(recent.rates(now + 60'000).failed == 0);
    CHECK(recent.rates(now + 280'000).wait_p95_s);
    CHECK_FALSE(recent.rates(now + 300'000).wait_p95_s);
    // A ring comes round: what stands there from before does not count again.
    now += 60'000;
    recent.finished(ended(JobState::done, 0, 1), now);
    CHECK(recent.rates(now).done == 1);
    now += 300'000;
    recent.finished(ended(JobState::done, 0, 1), now);
    CHECK(recent.rates(now).wait_p95_s == 0.0);
    CHECK(recent.rates(now).run_p95_s == 0.001);
    recent.finished(ended(JobState::done, std::int64_t{400} * 86'400'000, 1), now);
    CHECK(*recent.rates(now).wait_p95_s > 86'400);
  }

  TEST_CASE("the core counts what happens, and the snapshot carries it") {
    CoreSettings settings;
    settings.max_queued_jobs = 3;
    settings.max_attempts = 1;
    Cluster cluster(settings);
    cluster.join("lab-1");
    cluster.tick();
    std::vector<JobId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(cluster.submit());  // one runs, three wait
    Snapshot view = cluster.core.snapshot(cluster.now);
    CHECK(view.counters.of("c").submitted == 4);
    CHECK(view.counters.of("c").waiting == 3);
    CHECK(view.counters.refused[static_cast<std::size_t>(RefusalReason::queue_jobs)] == 1);
    CHECK(view.max_queued == 3);
    CHECK(view.busy == 1);
    CHECK(view.slots == 1);
    cluster.advance(2'000);
    cluster.finish(ids[0]);
    cluster.finish(ids[1], ran(Outcome::internal_error));
    cluster.feed(CancelRun{1, ids[3]});
    cluster.pass(10'000);
    view = cluster.core.snapshot(cluster.now);
    LanguageCounts& counts = view.counters.of("c");
    CHECK(counts.waiting == 0);
    CHECK(counts.waits[static_cast<std::size_t>(JobEnd::ok)].total() == 1);
    CHECK(counts.waits[static_cast<std::size_t>(JobEnd::failed)].total() == 1);
    CHECK(counts.waits[static_cast<std::size_t>(JobEnd::failed)].sum == 2);
    CHECK(counts.waits[static_cast<std::size_t>(JobEnd::cancelled)].total() == 1);
    CHECK(counts.runs[static_cast<std::size_t>(JobEnd::ok)].total() == 1);
    CHECK(view.counters.attempts_ended[static_cast<std::size_t>(Ending::ran)] == 2);
    CHECK(view.counters.host_faults == 1);
    CHECK(view.recent.done == 1);
    CHECK(view.recent.failed == 1);
    const HistoryStep& step = view.history->steps.back();
    CHECK(step.arrived == 4);
    CHECK(step.done == 1);
    CHECK(step.failed == 1);
    CHECK(step.at_end.slots == 1);
    CHECK(step.at_end.busy == 1);
    CHECK(step.at_end.waiting == 0);
  }

  TEST_CASE("new settings hold for what comes, and what waits goes where it may now") {
    CoreSettings settings;
    settings.pins["c"] = {"elsewhere"};
    Cluster cluster(settings);
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    CHECK_FALSE(cluster.running(id));
    settings.pins.clear();
    settings.max_queued_jobs = 1;
    cluster.feed(Reconfigure{settings});
    CHECK(cluster.running(id));
    cluster.submit();
    const JobId third = cluster.submit();
    REQUIRE(cluster.answers(third).size() == 1);
    CHECK(cluster.answers(third)[0].kind == Answer::Kind::overloaded);
    CHECK(cluster.core.snapshot(cluster.now).max_queued == 1);
  }
}
