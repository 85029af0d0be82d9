#include "tests/bench/placement_load.h"

#include <algorithm>
#include <cmath>

namespace docket::bench {
namespace {

constexpr double kShortestMs = 200;
constexpr double kLongestMs = 20'000;
constexpr double kShape = 1.2;  // below 2 the variance is ruled by the longest
constexpr int kExamRuns = 2'500;
constexpr double kLoadMs = 300'000;
constexpr double kSteadyUtilisation = 0.8;
constexpr double kBurstUtilisation = 0.5;
constexpr double kRareUtilisation = 0.5;
constexpr double kRareShare = 0.1;
constexpr double kBurstEveryMs = 30'000;
constexpr double kBurstMs = 1'000;

double uniform(std::mt19937_64& random) {
  return std::uniform_real_distribution<>(0.0, 1.0)(random);
}

MonoMs draw_work_ms(std::mt19937_64& random) {
  const double tail = 1 - std::pow(kShortestMs / kLongestMs, kShape);
  const double ms = kShortestMs * std::pow(1 - uniform(random) * tail, -1 / kShape);
  return static_cast<MonoMs>(ms);
}

double mean_work_ms() {
  const double tail = 1 - std::pow(kShortestMs / kLongestMs, kShape);
  const double above = std::pow(kShortestMs, 1 - kShape) - std::pow(kLongestMs, 1 - kShape);
  return std::pow(kShortestMs, kShape) / tail * kShape / (kShape - 1) * above;
}

// In milliseconds of work at ordinary speed per millisecond, times 100.
std::uint64_t capacity(const std::vector<Machine>& hosts) {
  std::uint64_t sum = 0;
  for (const Machine& host : hosts) sum += host.capacity();
  return sum;
}

double runs_per_ms(const std::vector<Machine>& hosts, double utilisation) {
  return utilisation * static_cast<double>(capacity(hosts)) / 100 / mean_work_ms();
}

// One by one, at random moments.
std::vector<Work> arriving(std::mt19937_64& random, const std::vector<Machine>& hosts,
                           double utilisation) {
  std::vector<Work> works;
  std::exponential_distribution<> gap(runs_per_ms(hosts, utilisation));
  for (double at = gap(random); at < kLoadMs; at += gap(random)) {
    works.push_back({static_cast<MonoMs>(at), draw_work_ms(random)});
  }
  return works;
}

}  // namespace

MonoMs Machine::run_ms(MonoMs work_ms) const {
  return (work_ms * 100 + speed_percent - 1) / speed_percent;
}

std::vector<Machine> mixed_hosts() {
  return {{"new", 16, 150, false}, {"lab-1", 8, 100, false}, {"lab-2", 8, 100, false},
          {"small", 4, 100, true}, {"old-1", 4, 50, true},   {"old-2", 2, 70, false}};
}

Load exam_start(std::mt19937_64& random) {
  Load load{"exam start", {}};
  for (int i = 0; i < kExamRuns; ++i) load.works.push_back({0, draw_work_ms(random)});
  return load;
}

Load steady(std::mt19937_64& random, const std::vector<Machine>& hosts) {
  return {"steady", arriving(random, hosts, kSteadyUtilisation)};
}

Load bursts(std::mt19937_64& random, const std::vector<Machine>& hosts) {
  const auto each = static_cast<int>(runs_per_ms(hosts, kBurstUtilisation) * kBurstEveryMs);
  Load load{"bursts", {}};
  for (double at = 0; at < kLoadMs; at += kBurstEveryMs) {
    for (int i = 0; i < each; ++i) {
      const double arrives = at + uniform(random) * kBurstMs;
      load.works.push_back({static_cast<MonoMs>(arrives), draw_work_ms(random)});
    }
  }
  std::sort(load.works.begin(), load.works.end(),
            [](const Work& a, const Work& b) { return a.arrives < b.arrives; });
  return load;
}

Load rare_language(std::mt19937_64& random, const std::vector<Machine>& hosts) {
  Load load{"rare language", arriving(random, hosts, kRareUtilisation)};
  for (Work& work : load.works) work.rare = uniform(random) < kRareShare;
  return load;
}

MonoMs least_makespan(const std::vector<Machine>& hosts, const std::vector<Work>& works) {
  const Machine& fastest = *std::max_element(
      hosts.begin(), hosts.end(),
      [](const Machine& a, const Machine& b) { return a.speed_percent < b.speed_percent; });
  // What comes at or after any moment is done by all slots together, and each run by one slot.
  MonoMs bound = 0;
  MonoMs work_ms = 0;
  const auto rate = static_cast<MonoMs>(capacity(hosts));
  for (auto work = works.rbegin(); work != works.rend(); ++work) {
    work_ms += work->work_ms;
    bound = std::max({bound, work->arrives + work_ms * 100 / rate,
                      work->arrives + fastest.run_ms(work->work_ms)});
  }
  return bound;
}

}  // namespace docket::bench
