// Where the master's core puts a run: policies, files, tags, pins, hosts that are short of
// something.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

// How many of `count` runs that end at once each host got.
std::map<std::string, int> spread(Cluster& cluster, int count) {
  std::map<std::string, int> runs;
  for (int i = 0; i < count; ++i) {
    const JobId id = cluster.submit();
    ++runs[cluster.agent_of(id)];
    cluster.finish(id);
  }
  return runs;
}

CoreSettings with_policy(PlacementPolicy policy) {
  CoreSettings settings;
  settings.placement = policy;
  return settings;
}

}  // namespace

TEST_SUITE("master core: placement") {
  TEST_CASE("round-robin takes the hosts in turn, however big they are") {
    Cluster cluster(with_policy(PlacementPolicy::round_robin));
    cluster.join("big", {.slots = 30, .weight_percent = 200});
    cluster.join("small");
    cluster.join("middle", {.slots = 10});
    const auto runs = spread(cluster, 30);
    CHECK(runs == std::map<std::string, int>{{"big", 10}, {"middle", 10}, {"small", 10}});
  }

  TEST_CASE("weighted-random gives each host its share by chance") {
    Cluster cluster(with_policy(PlacementPolicy::weighted_random));
    cluster.join("big", {.slots = 6});
    cluster.join("small", {.slots = 1});
    cluster.join("quick", {.slots = 1, .weight_percent = 300});
    auto runs = spread(cluster, 2'000);
    // Of 10 parts 6, 1 and 3; five standard deviations of the binomial distribution.
    CHECK(std::abs(runs["big"] - 1'200) < 110);
    CHECK(std::abs(runs["small"] - 200) < 70);
    CHECK(std::abs(runs["quick"] - 600) < 105);
  }

  TEST_CASE("every policy fills every slot, and none more than once") {
    for (const auto policy : {PlacementPolicy::least_loaded, PlacementPolicy::weighted_random,
                              PlacementPolicy::round_robin}) {
      Cluster cluster(with_policy(policy));
      cluster.join("lab-1", {.slots = 3});
      cluster.join("lab-2", {.slots = 1});
      for (int i = 0; i < 6; ++i) cluster.submit();
      CHECK(cluster.view("lab-1").running == 3);
      CHECK(cluster.view("lab-2").running == 1);
    }
  }

  TEST_CASE("among equals the host that has the job's files goes first") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    cluster.join("lab-2", {.slots = 2});
    const JobId first = cluster.submit({.files = {"data"}});
    const std::string has_it = cluster.agent_of(first);
    cluster.finish(first);
    for (int i = 0; i < 3; ++i) {
      const JobId again = cluster.submit({.files = {"data"}});
      CHECK(cluster.agent_of(again) == has_it);
      cluster.finish(again);
    }
    // But it costs nothing: a host with less to do goes before it.
    cluster.submit({.files = {"data"}});
    CHECK(cluster.agent_of(cluster.submit({.files = {"data"}})) != has_it);
  }

  TEST_CASE("a key's jobs go only to hosts with its tags, and hold up nobody else") {
    Cluster cluster;
    cluster.add_key({.name = "exams", .tags = {"exam", "quiet"}});
    cluster.join("lab-1", {.slots = 4});
    cluster.join("lab-2", {.slots = 1, .tags = {"exam"}});
    cluster.join("lab-3", {.slots = 1, .tags = {"quiet", "exam"}});
    const JobId first = cluster.submit({.key = "exams"});
    CHECK(cluster.agent_of(first) == "lab-3");
    const JobId second = cluster.submit({.key = "exams"});
    CHECK_FALSE(cluster.running(second));
    const JobId other = cluster.submit();
    CHECK(cluster.running(other));
    cluster.finish(first);
    CHECK(cluster.agent_of(second) == "lab-3");
  }

  TEST_CASE("a retry stays within the key's tags") {
    Cluster cluster;
    cluster.add_key({.name = "exams", .tags = {"exam"}});
    cluster.join("lab-1", {.tags = {"exam"}});
    cluster.join("lab-2");
    const JobId id = cluster.submit({.key = "exams"});
    cluster.finish(id, ended(Ending::http_error));
    CHECK_FALSE(cluster.running(id));  // waits out the delay: lab-2 is no choice
    cluster.pass(1'000);
    CHECK(cluster.agent_of(id) == "lab-1");
  }

  TEST_CASE("a revoked key's waiting jobs keep what it required") {
    Cluster cluster;
    cluster.add_key({.name = "exams", .tags = {"exam"}});
    cluster.join("lab-1", {.tags = {"exam"}});
    cluster.join("lab-2");
    cluster.submit({.key = "exams"});
    const JobId id = cluster.submit({.key = "exams"});
    cluster.feed(RevokeKey{1, "exams"});
    cluster.pass(1'000);
    CHECK_FALSE(cluster.running(id));
  }

  TEST_CASE("a pinned language runs nowhere else") {
    CoreSettings settings;
    settings.pins = {{"java", {"lab-2", "lab-9"}}};
    Cluster cluster(settings);
    cluster.join("lab-1", {.slots = 8, .languages = {"c", "java"}});
    cluster.join("lab-2", {.slots = 1, .languages = {"c", "java"}});
    CHECK(cluster.agent_of(cluster.submit({.language = "java"})) == "lab-2");
    CHECK_FALSE(cluster.running(cluster.submit({.language = "java"})));
    CHECK(cluster.agent_of(cluster.submit()) == "lab-1");
  }

  TEST_CASE("a host that is short of memory, disk or time takes nothing until it recovers") {
    CoreSettings settings;
    settings.max_load_percent = 300;
    Cluster cluster(settings);
    cluster.join("lab-1");
    const HostReport well{4, 300, 200, 200};
    struct Case {
      HostReport report;
      std::string shortage;
    };
    for (const Case& c :
         {Case{{4, 0, 199, 9'000}, "short of memory: 199 MB free, a run may need 200"},
          Case{{4, 0, 9'000, 12}, "short of disk: 12 MB free, a run may need 200"},
          Case{{4, 301, 9'000, 9'000}, "overloaded: 301 % of its cores wanted, 300 allowed"}}) {
      cluster.tell("lab-1", c.report);
      CHECK(cluster.of<Note>().size() == 1);
      CHECK(cluster.view("lab-1").shortage == c.shortage);
      CHECK(cluster.core.snapshot(cluster.now).slots == 0);
      cluster.tell("lab-1", c.report);
      CHECK(cluster.of<Note>().empty());  // said once
      const JobId id = cluster.submit();
      CHECK_FALSE(cluster.running(id));
      cluster.tell("lab-1", well);
      CHECK(cluster.view("lab-1").shortage.empty());
      REQUIRE(cluster.running(id));
      cluster.finish(id);
    }
  }

  TEST_CASE("a host that is short says so before it gets its first run") {
    Cluster cluster;
    const JobId id = cluster.submit();
    Hello hello = hello_of("lab-1", {});
    hello.host = {4, 0, 9'000, 12};
    cluster.feed(FromAgent{1, hello});
    CHECK_FALSE(cluster.running(id));
    CHECK(cluster.view("lab-1").shortage == "short of disk: 12 MB free, a run may need 200");
  }

  TEST_CASE("a job that failed on the only other host does not wait for one that is short") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.join("lab-2");
    cluster.tell("lab-2", HostReport{4, 0, 1, 9'000});
    cluster.finish(id, ended(Ending::http_error));
    cluster.pass(1'000);
    CHECK(cluster.agent_of(id) == "lab-1");
  }

  TEST_CASE("an agent with a tag that is none is refused") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1", {.tags = {"two words"}});
    REQUIRE(cluster.sent<Refused>(link).size() == 1);
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::bad_hello);
  }

  TEST_CASE("tags are kept over a restart, with the agent and with the key") {
    Cluster cluster;
    cluster.add_key({.name = "exams", .tags = {"exam"}});
    REQUIRE(cluster.of<SaveKey>().size() == 1);
    const ApiKey key = cluster.of<SaveKey>()[0].key;
    cluster.join("lab-1", {.tags = {"exam"}});
    REQUIRE(cluster.of<SaveAgent>().size() == 1);
    const AgentRecord agent = cluster.of<SaveAgent>()[0].agent;
    Cluster next;
    next.feed(Restored{.agents = {agent}, .keys = {key}});
    CHECK(next.view("lab-1").tags == std::vector<std::string>{"exam"});
    next.join("lab-2");
    CHECK_FALSE(next.running(next.submit({.key = "exams"})));
  }
}
