// The master's core: what operators want of agents. Cordon, drain, resume; time is a number.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

HoldAgent hold(const std::string& name, Hold kind, std::optional<std::uint32_t> deadline_s = {}) {
  return {71, name, kind, kind == Hold::none ? "" : "kernel upgrade", deadline_s};
}

}  // namespace

TEST_SUITE("master core: hold") {
  TEST_CASE("a cordoned agent gets nothing new, what runs there goes on, and resume ends it") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId running = cluster.submit();
    cluster.feed(hold("lab-1", Hold::cordon));
    REQUIRE(cluster.of<CommandDone>().size() == 1);
    CHECK_FALSE(cluster.of<CommandDone>()[0].error);
    REQUIRE(cluster.of<SaveAgent>().size() == 1);
    CHECK(cluster.of<SaveAgent>()[0].agent.hold == Hold::cordon);
    CHECK(cluster.view("lab-1").state == AgentState::cordoned);
    CHECK(cluster.view("lab-1").reason == "kernel upgrade");
    const JobId waiting = cluster.submit();
    CHECK_FALSE(cluster.running(waiting));
    cluster.finish(running);
    CHECK(cluster.job(running).state == JobState::done);
    cluster.pass(2'000);
    CHECK(cluster.view("lab-1").state == AgentState::cordoned);
    cluster.feed(hold("lab-1", Hold::none));
    CHECK(cluster.running(waiting));
    CHECK(cluster.of<SaveAgent>()[0].agent.hold == Hold::none);
  }

  TEST_CASE("a draining agent is drained when nothing runs there any more") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId id = cluster.submit();
    cluster.feed(hold("lab-1", Hold::drain));
    CHECK(cluster.view("lab-1").state == AgentState::draining);
    cluster.pass(5'000);
    CHECK(cluster.view("lab-1").state == AgentState::draining);
    cluster.finish(id);
    cluster.pass(1'000);
    CHECK(cluster.view("lab-1").state == AgentState::drained);
    CHECK_FALSE(cluster.running(cluster.submit()));
  }

  TEST_CASE("at the deadline of a drain its runs go elsewhere, and their slots stay taken") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId attempt = cluster.current(id);
    cluster.join("lab-2");
    cluster.feed(hold("lab-1", Hold::drain, 3));
    cluster.pass(2'900);
    CHECK(cluster.agent_of(id) == "lab-1");
    cluster.pass(1'000);
    CHECK(cluster.agent_of(id) == "lab-2");
    CHECK(cluster.job(id).attempts[0].ending == Ending::evicted);
    CHECK(cluster.view("lab-1").state == AgentState::draining);  // its program may still run
    Finished done = ended(Ending::cancelled);
    done.id = attempt;
    cluster.tell("lab-1", done);
    cluster.pass(1'000);
    CHECK(cluster.view("lab-1").state == AgentState::drained);
    cluster.finish(id);
    CHECK(cluster.job(id).state == JobState::done);
    CHECK(cluster.view("lab-1").host_faults == 0);
  }

  TEST_CASE("an operator's word outlives connections, agents and masters") {
    Cluster cluster;
    Restored restored;
    restored.agents.push_back({"lab-1", 1, 100, {{"c", "1"}}, Hold::drain, "kernel upgrade"});
    cluster.feed(std::move(restored));
    const LinkId link = cluster.join("lab-1");
    CHECK(cluster.view("lab-1").state == AgentState::drained);
    CHECK_FALSE(cluster.running(cluster.submit()));
    cluster.feed(LinkGone{link});
    cluster.join("lab-1", {.instance = 2});
    CHECK(cluster.view("lab-1").state == AgentState::drained);
    CHECK(cluster.view("lab-1").reason == "kernel upgrade");
  }

  TEST_CASE("an agent that is stopping by itself goes on with that") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.tell("lab-1", Draining{});
    cluster.feed(hold("lab-1", Hold::none));
    CHECK(cluster.view("lab-1").state == AgentState::draining);
    CHECK_FALSE(cluster.running(cluster.submit()));
    cluster.finish(id);
    cluster.pass(1'000);
    CHECK(cluster.view("lab-1").state == AgentState::draining);
  }

  TEST_CASE("resume lets a quarantined agent back at once") {
    Cluster cluster;
    cluster.join("good");
    cluster.join("sick");
    for (std::size_t bytes = 10; cluster.view("sick").state == AgentState::active; ++bytes) {
      REQUIRE(bytes < 100);
      const JobId id = cluster.submit({.asynchronous = true, .bytes = bytes});
      if (cluster.agent_of(id) == "sick") cluster.finish(id, ended(Ending::http_error));
      if (cluster.running(id)) cluster.finish(id);
    }
    REQUIRE(cluster.view("sick").state == AgentState::quarantined);
    cluster.feed(hold("sick", Hold::none));
    CHECK(cluster.view("sick").state == AgentState::active);
  }

  TEST_CASE("what cannot be done is said") {
    Cluster cluster;
    cluster.feed(hold("nobody", Hold::cordon));
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::not_found);
    cluster.join("lab-1");
    cluster.feed(StoreProblem{"disk full"});
    cluster.feed(hold("lab-1", Hold::cordon));
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
    CHECK(cluster.view("lab-1").state == AgentState::active);
  }
}
