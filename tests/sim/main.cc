// docket-sim: runs seeds of the simulator. Prints, for a broken promise, the seed, the promise and
// the command that shows it again.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>

#include "tests/sim/simulation.h"

namespace docket::sim {
namespace {

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t first = 1;
  std::uint64_t seeds = 1'000;
  bool fresh = false;
  std::uint64_t seconds = 0;
  bool trace = false;
  std::vector<std::uint64_t> big;
};

volatile std::uint64_t running_seed = 0;

void print_repeat() {
  std::printf("repeat it with: scripts/sim --seed %llu --trace\n",
              static_cast<unsigned long long>(running_seed));
  std::fflush(stdout);
}

// A CHECK_THAT of the cores failed.
void on_abort(int) {
  std::printf("seed %llu: a CHECK failed\n", static_cast<unsigned long long>(running_seed));
  print_repeat();
  ::_exit(1);
}

bool run_one(std::uint64_t seed, bool trace, Report& sum) {
  running_seed = seed;
  try {
    const Report report = run_seed(seed, trace);
    sum.jobs += report.jobs;
    sum.served += report.served;
    sum.executions += report.executions;
    sum.steps += report.steps;
    sum.quarantines += report.quarantines;
    sum.fair_judged += report.fair_judged;
    sum.healed_in_ms = std::max(sum.healed_in_ms, report.healed_in_ms);
    return true;
  } catch (const Broken& broken) {
    std::printf("seed %llu: BROKEN: %s\n", static_cast<unsigned long long>(seed), broken.what());
    print_repeat();
    return false;
  }
}

void print(std::uint64_t seeds, const Report& sum) {
  const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu seeds: %llu jobs, %llu served, %llu executions, %llu events, %llu quarantines, "
      "%llu waits judged, all well again within %llu s of virtual time\n",
      number(seeds), number(sum.jobs), number(sum.served), number(sum.executions),
      number(sum.steps), number(sum.quarantines), number(sum.fair_judged),
      number(sum.healed_in_ms / 1'000));
}

int run(const Options& options) {
  std::signal(SIGABRT, on_abort);
  Report sum;
  if (options.seed != 0) {
    const bool kept = run_one(options.seed, options.trace, sum);
    if (kept) print(1, sum);
    return kept ? 0 : 1;
  }
  if (!options.big.empty()) {
    try {
      print(1, run_plan(big_plan(options.big[0], options.big[1]), options.first, options.trace));
    } catch (const Broken& broken) {
      std::printf("BROKEN: %s\n", broken.what());
      return 1;
    }
    return 0;
  }
  std::uint64_t first = options.first;
  if (options.fresh) {
    first = (std::uint64_t{std::random_device()()} << 8) + 1;
    std::printf("fresh seeds from %llu\n", static_cast<unsigned long long>(first));
  }
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  const auto more = [&] {
    if (options.seconds == 0) return done < options.seeds;
    return std::chrono::steady_clock::now() - begun < std::chrono::seconds(options.seconds);
  };
  for (; more(); ++done) {
    if (!run_one(first + done, options.trace, sum)) return 1;
  }
  print(done, sum);
  return 0;
}

}  // namespace
}  // namespace docket::sim

int main(int argc, char** argv) {
  CLI::App app("Runs a whole cluster in one thread, from seeds, with faults and an auditor",
               "docket-sim");
  docket::sim::Options options;
  app.add_option("--seed", options.seed, "Only this seed");
  app.add_option("--first", options.first, "The first seed of several")->capture_default_str();
  auto* seeds = app.add_option("--seeds", options.seeds, "How many seeds")
                    ->capture_default_str()
                    ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "Seeds for this long, instead of a number of them")
      ->check(CLI::PositiveNumber)
      ->excludes(seeds);
  app.add_flag("--fresh", options.fresh, "Seeds that nobody has tried");
  app.add_flag("--trace", options.trace, "Say everything that happens");
  app.add_option("--big", options.big, "AGENTS JOBS: one large cluster")->expected(2);
  CLI11_PARSE(app, argc, argv);
  return docket::sim::run(options);
}
