// Wall clocks that step by hours while programs run (wall_clock.cc).
#include <doctest/doctest.h>

#include "tests/e2e/faults/cell.h"

namespace docket::e2e {
namespace {

constexpr int kHour = 3'600;
constexpr int kFortyDays = 40 * 24;   // finished jobs are kept for thirty
constexpr int kRetentionMs = 15'000;  // the master looks for old jobs every ten seconds

// The hour of the day that the master displays as its time: "2026-11-23T16:30:00.000Z".
std::string shown_time(const Rig& rig) {
  return rig.status()["time"].get<std::string>().substr(0, 13);
}

Counts step_clock(const std::vector<int>& hours) {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {.rounds = 4});
  load.start();
  std::string shown = shown_time(rig);
  for (const int offset : hours) {
    const int answered = load.answered();
    rig.set_clock(std::int64_t{offset} * kHour);
    CHECK(eventually(5'000, [&] { return shown_time(rig) != shown; }));
    shown = shown_time(rig);
    // Runs go on under each clock.
    CHECK(eventually(20'000, [&] { return load.answered() > answered; }));
  }
  return audit(rig, load);
}

// What ended before the step must not count as old after it.
Counts step_beyond_retention() {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {.rounds = 4});
  load.start();
  REQUIRE(eventually(20'000, [&] { return load.answered() >= 6; }));
  const auto known = rig.jobs();
  const std::string shown = shown_time(rig);
  rig.set_clock(std::int64_t{kFortyDays} * kHour);
  CHECK(eventually(5'000, [&] { return shown_time(rig) != shown; }));
  load.finish();
  std::this_thread::sleep_for(std::chrono::milliseconds(kRetentionMs));
  for (const auto& job : known) {
    const auto id = job.at("id").get<std::string>();
    const Reply kept = http("GET", rig.ops("/api/v1/jobs/" + id));
    CHECK(kept.status == 200);
    CHECK(kept.json()["bodies"] == "shown");
  }
  return audit(rig, load);
}

}  // namespace

std::vector<Cell> clock_cells() {
  const std::string group = "clock steps";
  const std::string how = "wall clock of all programs, in mid-run: ";
  return {
      {group, "forwards", how + "+5 h", [] { return step_clock({5}); }},
      {group, "forwards, beyond what is kept", how + "+40 d, and 15 s for retention",
       step_beyond_retention},
      {group, "backwards", how + "-10 h", [] { return step_clock({-10}); }},
      {group, "to and fro", how + "+20 h, -3 h, +1 h",
       [] {
         return step_clock({20, -3, 1});
       }},
  };
}

}  // namespace docket::e2e
