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

// With `stay_ms` the last of the clocks stands so long before anybody asks for results again.
Counts step_clock(const std::vector<int>& hours, int stay_ms = 0) {
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
  load.finish();
  std::this_thread::sleep_for(std::chrono::milliseconds(stay_ms));
  return audit(rig, load);
}

}  // namespace

std::vector<Cell> clock_cells() {
  const std::string group = "clock steps";
  const std::string how = "wall clock of all programs, in mid-run: ";
  return {
      {group, "forwards", how + "+5 h", [] { return step_clock({5}); }},
      {group, "forwards, beyond what is kept",
       how + "+40 d; 15 s later all results are asked for again",
       [] { return step_clock({kFortyDays}, kRetentionMs); }},
      {group, "backwards", how + "-10 h", [] { return step_clock({-10}); }},
      {group, "to and fro", how + "+20 h, -3 h, +1 h",
       [] {
         return step_clock({20, -3, 1});
       }},
  };
}

}  // namespace docket::e2e
