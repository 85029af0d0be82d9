// One run of the simulator: builds the world that a seed draws, lets it live through its faults,
// heals it, and demands that everything comes to its end.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/plan.h"

namespace docket::sim {

struct Report {
  std::uint64_t jobs = 0;  // on the disk in the end
  std::uint64_t served = 0;
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  std::uint64_t quarantines = 0;
  std::uint64_t fair_judged = 0;
  MonoMs healed_in_ms = 0;  // virtual time from the end of the faults to the end of the last job
};

// Throws Broken when a promise is.
Report run_seed(std::uint64_t seed, bool tracing);
Report run_plan(const Plan& plan, std::uint64_t seed, bool tracing);

}  // namespace docket::sim
