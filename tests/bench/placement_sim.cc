// placement-sim: plays the same loads with every way to place runs, for a number of seeds, and
// prints a line of JSON for each. Virtual time; with the same standard library the same seeds print
// the same lines on every machine.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/base/program.h"
#include "tests/bench/placement_play.h"

namespace docket::bench {
namespace {

constexpr MonoMs kJobesPatienceMs = 10'000;

struct Options {
  unsigned seeds = 20;
};

constexpr PlacementPolicy kPolicies[] = {
    PlacementPolicy::least_loaded, PlacementPolicy::weighted_random, PlacementPolicy::round_robin};

constexpr std::pair<Push, const char*> kPushes[] = {
    {Push::random, "pushed: random"},
    {Push::weighted_random, "pushed: random by weight"},
    {Push::weighted_turns, "pushed: next in turn by weight"},
    {Push::fewest_runs, "pushed: fewest runs by weight"},
};

MonoMs percentile(std::vector<MonoMs>& sorted, std::size_t percent) {
  return sorted[(sorted.size() * percent + 99) / 100 - 1];
}

void print(unsigned seed, const Load& load, MonoMs bound, std::string_view placement,
           const Played& played) {
  // Where some runs are in the rare language, it is they who may have to wait.
  const bool rare =
      std::any_of(load.works.begin(), load.works.end(), [](const Work& work) { return work.rare; });
  std::vector<MonoMs> waited;
  for (std::size_t i = 0; i < load.works.size(); ++i) {
    if (load.works[i].rare == rare) waited.push_back(played.waited[i]);
  }
  std::sort(waited.begin(), waited.end());
  const auto impatient =
      waited.end() - std::upper_bound(waited.begin(), waited.end(), kJobesPatienceMs);
  const nlohmann::ordered_json line = {
      {"load", load.name},
      {"placement", placement},
      {"seed", seed},
      {"runs", load.works.size()},
      {"makespan", static_cast<double>(played.makespan) / static_cast<double>(bound)},
      {"p50_ms", percentile(waited, 50)},
      {"p99_ms", percentile(waited, 99)},
      {"filled", static_cast<double>(played.filled) / static_cast<double>(load.works.size())},
      {"over_10_s", static_cast<double>(impatient) / static_cast<double>(waited.size())}};
  std::printf("%s\n", line.dump().c_str());
}

void compare(unsigned seed) {
  std::mt19937_64 random(seed);
  const auto hosts = mixed_hosts();
  const std::vector<Load> loads = {exam_start(random), steady(random, hosts), bursts(random, hosts),
                                   rare_language(random, hosts)};
  for (const Load& load : loads) {
    const MonoMs bound = least_makespan(hosts, load.works);
    for (const PlacementPolicy policy : kPolicies) {
      CoreSettings settings;
      settings.placement = policy;
      print(seed, load, bound, placement_name(policy), play_core(settings, hosts, load.works));
    }
    for (const auto& [push, name] : kPushes) {
      print(seed, load, bound, name, play_pushed(push, hosts, load.works, random));
    }
  }
}

int run(const Options& options) {
  for (unsigned seed = 1; seed <= options.seeds; ++seed) compare(seed);
  return 0;
}

}  // namespace
}  // namespace docket::bench

int main(int argc, char** argv) {
  CLI::App app("Compares ways to place runs, in virtual time", "placement-sim");
  docket::bench::Options options;
  app.add_option("--seeds", options.seeds, "Plays seeds 1 to this one")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  return docket::run_program(app, argc, argv, [&] { return docket::bench::run(options); });
}
