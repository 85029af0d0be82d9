// SIGSTOP: a process that neither works nor dies, as on a host that swaps or a virtual machine that
// is being moved. Then SIGCONT, and whatever it had in hand comes late.
#include <doctest/doctest.h>
#include <signal.h>

#include "tests/e2e/faults/cell.h"

namespace docket::e2e {
namespace {

using std::chrono::milliseconds;

// An agent that is silent for 5 s is lost; the lease of these jobs (cputime 4) is 76 s, and the
// master waits 10 s longer.
constexpr int kBeyondSilenceMs = 8'000;
constexpr int kBeyondLeaseMs = 80'000;
// A sandbox that slept through a program's wall limit (8 s) would say that it ran too long.
constexpr int kWithinLimitsMs = 5'000;

void stop_for(Node& node, int stopped_ms, const std::function<void()>& meanwhile = {}) {
  node.process().signal(SIGSTOP);
  const auto end = std::chrono::steady_clock::now() + milliseconds(stopped_ms);
  if (meanwhile) meanwhile();
  std::this_thread::sleep_until(end);
  CHECK(node.up());
  node.process().signal(SIGCONT);
}

// Every slot has a program that has begun.
void wait_for_runs(Rig& rig) {
  REQUIRE(eventually(20'000, [&] { return rig.programs_started().size() >= 4; }));
}

Counts stop_agent(int stopped_ms) {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {.run_ms = 1'000});
  load.start();
  wait_for_runs(rig);
  stop_for(rig.agent(0), stopped_ms,
           [&] { CHECK(eventually(10'000, [&] { return rig.agent_state("lab-1") == "lost"; })); });
  CHECK(eventually(20'000, [&] { return rig.all_active(); }));
  // Its runs had been given to the other host: what it says of them now must not count.
  CHECK(eventually(20'000, [&] { return rig.status()["late_results"] > 0; }));
  return audit(rig, load);
}

Counts stop_master() {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {});
  load.start();
  wait_for_runs(rig);
  stop_for(rig.master(), kBeyondSilenceMs, [&] {
    CHECK(eventually(20'000, [&] { return rig.results_kept(0) + rig.results_kept(1) > 0; }));
  });
  CHECK(eventually(20'000, [&] { return rig.all_active(); }));
  return audit(rig, load);
}

Counts stop_sandbox(int stopped_ms) {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {.run_ms = 1'000});
  load.start();
  wait_for_runs(rig);
  stop_for(rig.sandbox(0), stopped_ms);
  Counts counts = audit(rig, load);
  CHECK(eventually(60'000, [&] { return rig.all_active(); }));
  const bool beyond_lease = stopped_ms == kBeyondLeaseMs;
  CHECK((rig.attempts_that("timed out") > 0) == beyond_lease);
  return counts;
}

}  // namespace

std::vector<Cell> pause_cells() {
  const std::string group = "SIGSTOP, then SIGCONT";
  const auto seconds = [](int ms) { return "for " + std::to_string(ms / 1'000) + " s"; };
  return {
      {group, "an agent, beyond its lease", seconds(kBeyondLeaseMs),
       [] { return stop_agent(kBeyondLeaseMs); }},
      {group, "a sandbox, beyond the lease", seconds(kBeyondLeaseMs),
       [] { return stop_sandbox(kBeyondLeaseMs); }},
      {group, "an agent, until it is lost", seconds(kBeyondSilenceMs),
       [] { return stop_agent(kBeyondSilenceMs); }},
      {group, "a sandbox, not for long", seconds(kWithinLimitsMs),
       [] { return stop_sandbox(kWithinLimitsMs); }},
      {group, "the master, until its agents give up", seconds(kBeyondSilenceMs), stop_master},
  };
}

}  // namespace docket::e2e
