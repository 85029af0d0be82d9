// Why a job waits, as the core tells it: hosts, order, bounds.
#include <doctest/doctest.h>

#include <random>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

// Nothing when the core no longer has the job.
std::optional<Why> why(Cluster& cluster, const JobId& id) {
  cluster.feed(Explain{77, id});
  const auto told = cluster.of<Explained>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].to == 77);
  CHECK(told[0].job == id);
  return told[0].why == nullptr ? std::nullopt : std::optional(*told[0].why);
}

const Why::Host& host(const Why& why, const std::string& name) {
  for (const Why::Host& host : why.hosts) {
    if (host.name == name) return host;
  }
  FAIL(name << " is not there");
  return why.hosts.front();
}

// As long as expected, so that the queue's costs stay what they are.
Finished usual() {
  Finished result = ran();
  result.run_ms = static_cast<std::uint32_t>(kFirstExpectedMs);
  return result;
}

std::size_t before(const Why& why) {
  std::size_t jobs = 0;
  for (const auto& ahead : why.ahead) jobs += ahead.jobs;
  return jobs;
}

}  // namespace

TEST_SUITE("master core: why") {
  TEST_CASE("each host says what keeps the job from it") {
    CoreSettings settings;
    settings.pins = {{"c", {"busy", "away", "held", "short", "no-c"}}};
    Cluster cluster(settings);
    cluster.join("away");
    cluster.join("busy", {.slots = 2});
    cluster.join("held");
    cluster.join("no-c", {.languages = {"java"}});
    cluster.join("short");
    cluster.join("unpinned");
    cluster.feed(HoldAgent{1, "held", Hold::cordon, "slow disk", {}});
    cluster.tell("short", HostReport{4, 0, 17, 9'000});
    cluster.tell("away", Bye{});
    cluster.submit();
    cluster.submit();
    const JobId id = cluster.submit();
    const auto told = why(cluster, id);
    REQUIRE(told);
    CHECK(told->state == JobState::queued);
    CHECK(told->language == "c");
    CHECK(told->summary == "It is next: the first slot that is free is its own.");
    CHECK(told->gives_up_in_ms == 600'000);
    CHECK_FALSE(told->retry_in_ms);
    CHECK(told->hosts.size() == 6);
    CHECK(host(*told, "busy").obstacle == Obstacle::full);
    CHECK(host(*told, "busy").reason == "full: 2 of 2 slots taken");
    CHECK(host(*told, "away").reason == "left: it said goodbye");
    CHECK(host(*told, "held").reason == "cordoned: slow disk");
    CHECK(host(*told, "no-c").reason == "lacks c");
    CHECK(host(*told, "short").reason == "short of memory: 17 MB free, a run may need 200");
    CHECK(host(*told, "unpinned").reason == "c is pinned to busy, away, held, short, no-c");
  }

  TEST_CASE("no host, none that could, none that does") {
    Cluster cluster;
    const JobId id = cluster.submit();
    CHECK(why(cluster, id)->summary == "No agent has joined yet.");
    cluster.join("lab-1", {.languages = {"java"}});
    CHECK(why(cluster, id)->summary == "No host can run it: see what each lacks.");
    cluster.join("lab-2");
    REQUIRE(cluster.running(id));
    const auto runs = why(cluster, id);
    CHECK(runs->summary == "It runs on lab-2.");
    CHECK(runs->hosts.empty());
    CHECK(runs->history == std::vector<std::string>{"attempt 1 on lab-2 runs"});
    cluster.feed(HoldAgent{1, "lab-2", Hold::cordon, "slow disk", {}});
    CHECK(why(cluster, cluster.submit())->summary ==
          "No host that could run it takes work just now.");
    cluster.finish(id);
    CHECK_FALSE(why(cluster, id));  // the store knows the rest
  }

  TEST_CASE("a job that waits out a delay, and one that cannot be saved") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.advance(1'250);
    cluster.finish(id, ended(Ending::http_error));
    const auto told = why(cluster, id);
    CHECK(told->retry_in_ms == 200);
    CHECK(told->summary == "It failed everywhere it could go, and is tried again in 0.2 s.");
    CHECK(told->history ==
          std::vector<std::string>{"attempt 1 on lab-1, 1.2 s: sandbox error: told by a test"});
    cluster.feed(StoreProblem{"disk full"});
    CHECK(why(cluster, id)->summary == "Nothing is started: the master cannot save: disk full");
  }

  TEST_CASE("what is ahead is what begins before it, over many random queues") {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      std::minstd_rand random(seed);
      const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
      Cluster cluster;
      const std::vector<std::string> keys = {"a", "b", "c", "d"};
      for (const auto& key : keys) {
        cluster.add_key(
            {.name = key, .weight = 1 + pick(4), .priority = static_cast<Priority>(1 + pick(3))});
      }
      cluster.join("lab-1", {.languages = {"c", "java"}});
      std::vector<JobId> waiting;
      cluster.submit({.key = "a"});
      for (std::uint32_t i = 0; i < 10 + pick(30); ++i) {
        waiting.push_back(
            cluster.submit({.language = pick(2) == 0 ? "c" : "java", .key = keys[pick(4)]}));
      }
      const auto count_started = [&] {
        return static_cast<std::size_t>(std::count_if(
            waiting.begin(), waiting.end(),
            [&](const JobId& id) { return cluster.job(id).state != JobState::queued; }));
      };
      const auto finish_one = [&] {
        for (auto& [id, job] : std::map(cluster.saved)) {
          if (job.state == JobState::running) return cluster.finish(id, usual());
        }
      };
      for (std::uint32_t i = pick(5); i > 0; --i) finish_one();  // accounts that differ
      const JobId id = waiting[pick(static_cast<std::uint32_t>(waiting.size()))];
      if (cluster.job(id).state != JobState::queued) continue;
      const std::size_t bound = before(*why(cluster, id));
      const std::size_t started = count_started();
      while (!cluster.running(id)) finish_one();
      CHECK(count_started() - started - 1 <= bound);
    }
  }

  TEST_CASE("a flood of one key puts one run for each slot before another key's") {
    Cluster cluster;
    cluster.add_key({.name = "regrade", .weight = 1, .priority = Priority::normal});
    cluster.add_key({.name = "student", .weight = 1, .priority = Priority::normal});
    constexpr std::size_t kSlots = 4;
    cluster.join("lab-1", {.slots = kSlots});
    for (int i = 0; i < 5'000; ++i) cluster.submit({.asynchronous = true, .key = "regrade"});
    for (int round = 0; round < 20; ++round) {
      const JobId id = cluster.submit({.key = "student"});
      const auto told = why(cluster, id);
      REQUIRE(told);
      CHECK(before(*told) <= kSlots);
      std::size_t finished = 0;
      while (!cluster.running(id)) {
        for (auto& [other, job] : std::map(cluster.saved)) {
          if (job.state != JobState::running) continue;
          cluster.finish(other);
          break;
        }
        ++finished;
      }
      CHECK(finished <= kSlots);
      cluster.finish(id);
    }
  }
}
