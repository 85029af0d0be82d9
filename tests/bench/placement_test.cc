// The parts of placement-sim that could make the comparison lie: loads, the bound, both players.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "tests/bench/placement_play.h"

namespace docket::bench {
namespace {

TEST_CASE("placement: a run takes its work divided by the slot's speed") {
  CHECK(Machine{"a", 1, 150}.run_ms(300) == 200);
  CHECK(Machine{"a", 1, 50}.run_ms(300) == 600);
  CHECK(Machine{"a", 1, 70}.run_ms(1) == 2);
}

TEST_CASE("placement: the bound is of all work, of the longest run and of what comes last") {
  const std::vector<Machine> hosts = {{"fast", 1, 200}, {"slow", 2, 100}};
  CHECK(least_makespan(hosts, {{0, 400}, {0, 400}, {0, 400}, {0, 400}}) == 400);
  CHECK(least_makespan(hosts, {{0, 10}, {0, 1'000}}) == 500);
  CHECK(least_makespan(hosts, {{0, 10}, {5'000, 100}}) == 5'050);
}

TEST_CASE("placement: a seed makes a load, and the loads are as heavy as they say") {
  const auto hosts = mixed_hosts();
  std::mt19937_64 one(7), same(7);
  const Load load = steady(one, hosts);
  const Load again = steady(same, hosts);
  REQUIRE(load.works.size() == again.works.size());
  double work_ms = 0;
  for (std::size_t i = 0; i < load.works.size(); ++i) {
    CHECK(load.works[i].work_ms == again.works[i].work_ms);
    CHECK(load.works[i].work_ms >= 200);
    CHECK(load.works[i].work_ms <= 20'000);
    work_ms += static_cast<double>(load.works[i].work_ms);
  }
  double capacity = 0;
  for (const Machine& host : hosts) capacity += host.capacity() / 100.0;
  CHECK(work_ms / 300'000 / capacity == doctest::Approx(0.8).epsilon(0.05));
  CHECK(exam_start(one).works.size() == 2'500);
  const Load burst = bursts(one, hosts);
  CHECK(std::is_sorted(burst.works.begin(), burst.works.end(),
                       [](const Work& a, const Work& b) { return a.arrives < b.arrives; }));
}

TEST_CASE("placement: the core starts a run as soon as any slot is free") {
  const std::vector<Machine> hosts = {{"a", 1, 100}, {"b", 1, 100}};
  const Played played = play_core({}, hosts, {{0, 900}, {0, 300}, {0, 100}, {350, 100}, {350, 50}});
  CHECK(played.waited == std::vector<MonoMs>{0, 0, 300, 50, 150});
  CHECK(played.makespan == 900);
}

TEST_CASE("placement: a run that is pushed waits for its own host, be others idle") {
  const std::vector<Machine> hosts = {{"a", 1, 100}, {"b", 1, 100}};
  std::mt19937_64 random(1);
  const Played turns = play_pushed(Push::weighted_turns, hosts,
                                   {{0, 900}, {0, 100}, {200, 100}, {1'000, 10}}, random);
  CHECK(turns.waited == std::vector<MonoMs>{0, 0, 700, 0});
  CHECK(turns.makespan == 1'010);
  const Played fewest =
      play_pushed(Push::fewest_runs, hosts, {{0, 900}, {0, 100}, {200, 100}, {1'000, 10}}, random);
  CHECK(fewest.waited == std::vector<MonoMs>{0, 0, 0, 0});
}

TEST_CASE("placement: a run in the rare language goes only where it can") {
  const std::vector<Machine> hosts = {{"a", 9, 100}, {"b", 1, 100, true}};
  const std::vector<Work> works = {{0, 100, true}, {1, 100, true}, {2, 100, true}};
  const std::vector<MonoMs> one_by_one = {0, 99, 198};
  CHECK(play_core({}, hosts, works).waited == one_by_one);
  std::mt19937_64 random(1);
  for (const Push push :
       {Push::random, Push::weighted_random, Push::weighted_turns, Push::fewest_runs}) {
    CHECK(play_pushed(push, hosts, works, random).waited == one_by_one);
  }
}

TEST_CASE("placement: pushing by weight gives each host its share") {
  const std::vector<Machine> hosts = {{"big", 3, 100}, {"small", 1, 100}};
  std::mt19937_64 random(1);
  // One run each millisecond for the capacity of all: the share decides what waits.
  const auto waiting = [&](Push push) {
    std::vector<Work> works;
    for (MonoMs at = 0; at < 4'000; ++at) works.push_back({at, 4});
    const Played played = play_pushed(push, hosts, works, random);
    return std::accumulate(played.waited.begin(), played.waited.end(), MonoMs{0}) / 4'000;
  };
  CHECK(waiting(Push::weighted_turns) == 0);
  CHECK(waiting(Push::weighted_random) > 10);
  CHECK(waiting(Push::random) > 10 * waiting(Push::weighted_random));
}

TEST_CASE("placement: no placement beats the bound") {
  const auto hosts = mixed_hosts();
  std::mt19937_64 random(3);
  const Load load = exam_start(random);
  const MonoMs bound = least_makespan(hosts, load.works);
  const Played core = play_core({}, hosts, load.works);
  CHECK(core.makespan >= bound);
  CHECK(play_pushed(Push::fewest_runs, hosts, load.works, random).makespan >= bound);
}

}  // namespace
}  // namespace docket::bench
