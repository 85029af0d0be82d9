// The master's core: tests of hosts that an operator asks for. They tell what a host can do, and
// change nothing else. The agents are played by hand; time is a number.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

using Outcomes = std::vector<AgentTest::Result>;
constexpr auto kWaiting = AgentTest::Result::waiting;
constexpr auto kPassed = AgentTest::Result::passed;
constexpr auto kFailed = AgentTest::Result::failed;
constexpr auto kUntried = AgentTest::Result::untried;

Finished canary_answer(bool right = true) {
  Finished result = ran();
  result.body = right ? R"({"run_id":"x","outcome":15,"stdout":"docket canary 42\n"})"
                      : R"({"run_id":"x","outcome":15,"stdout":""})";
  return result;
}

// The error of the order, or nothing.
std::optional<ErrorCode> order_test(Cluster& cluster, const std::string& name) {
  cluster.feed(TestAgent{7, name});
  const auto done = cluster.of<CommandDone>();
  REQUIRE(done.size() == 1);
  CHECK(done[0].to == 7);
  return done[0].error ? std::optional(done[0].error->code) : std::nullopt;
}

// The one canary that is out, answered so; which language it was in.
std::string answer(Cluster& cluster, const std::string& name, Finished result) {
  const auto orders = std::exchange(cluster.canaries, {});
  REQUIRE(orders.size() == 1);
  result.id = orders[0].id;
  cluster.tell(name, std::move(result));
  return orders[0].language;
}

Outcomes results(const Cluster& cluster, const std::string& name) {
  Outcomes out;
  const auto view = cluster.view(name);
  if (view.test) {
    for (const auto& part : view.test->parts) out.push_back(part.result);
  }
  return out;
}

}  // namespace

TEST_SUITE("master core: host tests") {
  TEST_CASE(
      "a canary in each language, one after another; what fails is told, and decides nothing") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2, .languages = {"c", "cobol", "python3"}});
    CHECK_FALSE(cluster.view("lab-1").test);
    CHECK_FALSE(order_test(cluster, "lab-1"));
    CHECK(results(cluster, "lab-1") == Outcomes{kWaiting, kUntried, kWaiting});
    CHECK(cluster.view("lab-1").running == 1);  // it has a slot of its own
    CHECK(answer(cluster, "lab-1", canary_answer(false)) == "c");
    CHECK_FALSE(cluster.view("lab-1").test->ended());
    CHECK(answer(cluster, "lab-1", canary_answer()) == "python3");
    CHECK(cluster.canaries.empty());
    CHECK(results(cluster, "lab-1") == Outcomes{kFailed, kUntried, kPassed});
    const AgentView view = cluster.view("lab-1");
    CHECK(view.test->ended());
    CHECK(view.test->parts[0].problem.find("its output is wrong") != std::string::npos);
    CHECK(view.state == AgentState::active);
    CHECK(view.host_faults == 0);
    CHECK(view.running == 0);
    CHECK_FALSE(order_test(cluster, "lab-1"));  // again, from the beginning
    CHECK_FALSE(cluster.view("lab-1").test->ended());
  }

  TEST_CASE("it waits for a slot, and comes again to one that is under way") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId job = cluster.submit();
    CHECK_FALSE(order_test(cluster, "lab-1"));
    cluster.pass(2'000);
    CHECK(cluster.canaries.empty());
    CHECK(order_test(cluster, "lab-1") == ErrorCode::conflict);
    CHECK(order_test(cluster, "lab-2") == ErrorCode::not_found);
    cluster.finish(job);
    cluster.pass(2'000);
    CHECK(answer(cluster, "lab-1", canary_answer()) == "c");
    CHECK(results(cluster, "lab-1") == Outcomes{kPassed});
  }

  TEST_CASE("a canary that never comes back, and a host that goes, have failed") {
    Cluster cluster;
    cluster.join("lab-1", {.languages = {"c", "python3"}});
    CHECK_FALSE(order_test(cluster, "lab-1"));
    for (int i = 0; i < 400 && results(cluster, "lab-1")[0] == kWaiting; ++i) {
      cluster.pass(1'000);
    }
    CHECK(results(cluster, "lab-1") == Outcomes{kFailed, kWaiting});
    CHECK(cluster.view("lab-1").test->parts[0].problem == "it gave no answer");
    CHECK(cluster.view("lab-1").state == AgentState::active);
    cluster.feed(LinkGone{cluster.links.at("lab-1")});
    CHECK(results(cluster, "lab-1") == Outcomes{kFailed, kFailed});
    CHECK(cluster.view("lab-1").test->ended());
    CHECK(order_test(cluster, "lab-1") == ErrorCode::conflict);  // it is not connected
    cluster.canaries.clear();
    cluster.join("lab-1", {.languages = {"c"}});
    CHECK_FALSE(order_test(cluster, "lab-1"));
    CHECK(answer(cluster, "lab-1", canary_answer()) == "c");
    CHECK(results(cluster, "lab-1") == Outcomes{kPassed});
  }

  TEST_CASE("a host that takes no work can be tested, and takes none for it") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.feed(HoldAgent{1, "lab-1", Hold::drain, "new kernel", {}});
    cluster.pass(1'000);
    REQUIRE(cluster.view("lab-1").state == AgentState::drained);
    CHECK_FALSE(order_test(cluster, "lab-1"));
    CHECK(answer(cluster, "lab-1", canary_answer()) == "c");
    cluster.pass(1'000);
    CHECK(results(cluster, "lab-1") == Outcomes{kPassed});
    CHECK(cluster.view("lab-1").state == AgentState::drained);
    CHECK(cluster.view("lab-1").reason == "new kernel");
  }

  TEST_CASE("an answer without output that comes meanwhile is proved by a canary of its own") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId job = cluster.submit();
    CHECK_FALSE(order_test(cluster, "lab-1"));
    cluster.finish(job, silence());
    CHECK(cluster.answers(job).empty());
    answer(cluster, "lab-1", canary_answer(false));  // of the test: it proves nothing here
    CHECK(results(cluster, "lab-1") == Outcomes{kFailed});
    CHECK(cluster.answers(job).empty());
    CHECK(cluster.view("lab-1").host_faults == 0);
    answer(cluster, "lab-1", canary_answer());
    CHECK(cluster.answers(job).size() == 1);
    CHECK(cluster.job(job).outcome == static_cast<std::uint32_t>(Outcome::ok));
  }

  TEST_CASE("a test does not end a quarantine") {
    Cluster cluster;
    cluster.join("good");
    cluster.join("sick");
    for (std::size_t bytes = 100; cluster.view("sick").state == AgentState::active; ++bytes) {
      REQUIRE(bytes < 120);
      const JobId id = cluster.submit({.asynchronous = true, .bytes = bytes});
      while (cluster.running(id)) {
        cluster.finish(id, cluster.agent_of(id) == "sick" ? ended(Ending::http_error) : ran());
      }
    }
    REQUIRE(cluster.view("sick").state == AgentState::quarantined);
    CHECK_FALSE(order_test(cluster, "sick"));
    answer(cluster, "sick", canary_answer());
    CHECK(results(cluster, "sick") == Outcomes{kPassed});
    CHECK(cluster.view("sick").state == AgentState::quarantined);
    for (int i = 0; i < 400 && cluster.canaries.empty(); ++i) cluster.pass(500);
    CHECK(cluster.view("sick").state == AgentState::probing);
    CHECK(order_test(cluster, "sick") == std::nullopt);  // it waits for the probe's canary
    answer(cluster, "sick", canary_answer());
    CHECK(cluster.view("sick").state == AgentState::active);
    cluster.pass(1'000);
    answer(cluster, "sick", canary_answer());
    CHECK(results(cluster, "sick") == Outcomes{kPassed});
  }
}
