// The master's core: outcome 13 of a host that was too busy to say so. It is made once more, where
// there is room. The agents are played by hand; time is a number.
#include <doctest/doctest.h>

#include "master/core/verdict.h"
#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

// As a host with so much to do answers for a program killed after Jobe's wall limit.
Finished wall_limit(std::uint32_t load_percent = 400) {
  Finished result = ran(Outcome::time_limit);
  result.run_ms = 2'000 * kDefaultCputimeSeconds + 50;
  result.load_percent = load_percent;
  return result;
}

Finished compiler_killed() {
  Finished result = ran(Outcome::compile_error);
  result.remark = Remark::compile_time_up;
  return result;
}

// A host with more slots than cores.
void join(Cluster& cluster, const std::string& name, std::uint32_t slots, std::uint32_t cores) {
  cluster.join(name, {.slots = slots});
  cluster.tell(name, HostReport{cores, 50, 4'000, 4'000});
}

std::vector<JobId> fill(Cluster& cluster, int count) {
  std::vector<JobId> jobs;
  for (int i = 0; i < count; ++i) jobs.push_back(cluster.submit());
  return jobs;
}

}  // namespace

TEST_SUITE("master core: doubts") {
  TEST_CASE("only the wall limit on a busy host, and a compiler's time, are doubted") {
    const std::uint32_t wall_ms = 2'000 * kDefaultCputimeSeconds;
    CHECK(judge(wall_limit(), wall_ms) == Verdict::doubtful);
    CHECK(judge(wall_limit(kCrowdedPercent), wall_ms) == Verdict::answer);
    CHECK(judge(wall_limit(0), wall_ms) == Verdict::answer);  // not measured
    Finished burnt = wall_limit();
    burnt.run_ms = wall_ms - 1;
    CHECK(judge(burnt, wall_ms) == Verdict::answer);
    Finished other = wall_limit();
    other.outcome = static_cast<std::uint32_t>(Outcome::runtime_error);
    CHECK(judge(other, wall_ms) == Verdict::answer);
    CHECK(judge(compiler_killed(), wall_ms) == Verdict::doubtful);
  }

  TEST_CASE("what compiling takes at least is not the program's time, where it gets half a core") {
    Cluster cluster;
    join(cluster, "lab-1", 1, 2);
    Finished quick = ran();
    quick.run_ms = 600;
    cluster.finish(cluster.submit(), quick);
    const JobId id = cluster.submit();
    SUBCASE("compiled, and then ended by its CPU limit") {
      cluster.finish(id, wall_limit(kHalfCorePercent));
      CHECK(cluster.job(id).state == JobState::done);
    }
    SUBCASE("compiled, and then ended by the clock") {
      Finished by_clock = wall_limit(kHalfCorePercent);
      by_clock.run_ms += 600;
      cluster.finish(id, by_clock);
      CHECK(cluster.job(id).attempts[0].ending == Ending::doubted);
    }
    SUBCASE("it got less than half a core: who knows") {
      cluster.finish(id, wall_limit(kHalfCorePercent + 1));
      CHECK(cluster.job(id).attempts[0].ending == Ending::doubted);
    }
  }

  TEST_CASE("a doubtful answer is not told: the run is made again, and that answer is") {
    for (const Finished& doubtful : {wall_limit(), compiler_killed()}) {
      for (const Finished& second : {ran(), doubtful, ended(Ending::http_error)}) {
        Cluster cluster;
        join(cluster, "lab-1", 1, 2);
        join(cluster, "lab-2", 1, 2);
        const JobId id = cluster.submit();
        const std::string first = cluster.agent_of(id);
        cluster.finish(id, doubtful);
        CHECK(cluster.answers(id).empty());
        CHECK(cluster.sent<Taken>(cluster.links[first]).size() == 1);
        REQUIRE(cluster.running(id));
        CHECK(cluster.agent_of(id) != first);
        CHECK(cluster.job(id).attempts[0].ending == Ending::doubted);
        CHECK(cluster.job(id).attempts[0].detail.find("run once more") != std::string::npos);
        CHECK(cluster.view(first).host_faults == 0);

        cluster.finish(id, second);
        if (second.ending == Ending::http_error) {
          // It goes on as such runs do, for three attempts that count; the doubted one does not.
          cluster.pass(1'000);
          REQUIRE(cluster.running(id));
          cluster.finish(id, second);
          cluster.pass(1'000);
          REQUIRE(cluster.running(id));
          cluster.finish(id, doubtful);
          CHECK(cluster.job(id).outcome == doubtful.outcome);
        } else {
          CHECK(cluster.job(id).outcome == second.outcome);
        }
        CHECK(cluster.answers(id).size() == 1);
      }
    }
  }

  TEST_CASE("a host that crowds programs out gets one run a core, and so there is room") {
    Cluster cluster;
    join(cluster, "lab-1", 4, 2);
    const std::vector<JobId> jobs = fill(cluster, 6);
    CHECK(cluster.view("lab-1").running == 4);
    cluster.finish(jobs[0], wall_limit());
    CHECK(cluster.view("lab-1").running == 3);
    CHECK(cluster.view("lab-1").reason.find("4 slots only 2") != std::string::npos);
    cluster.pass(1'000);
    CHECK(cluster.job(jobs[0]).state == JobState::queued);
    CHECK(cluster.job(jobs[4]).state == JobState::queued);
    cluster.finish(jobs[1]);
    CHECK(cluster.job(jobs[0]).state == JobState::queued);
    cluster.finish(jobs[2]);
    CHECK(cluster.view("lab-1").running == 2);
    CHECK(cluster.running(jobs[0]));  // before those that came after it
    CHECK(cluster.job(jobs[4]).state == JobState::queued);
    cluster.finish(jobs[0]);
    CHECK(cluster.job(jobs[0]).outcome == 15);
    CHECK(cluster.running(jobs[4]));
    CHECK(cluster.view("lab-1").running == 2);

    fill(cluster, 4);
    cluster.pass(cluster.settings.crowded_ms);
    CHECK(cluster.view("lab-1").running == 4);
    CHECK(cluster.view("lab-1").reason.empty());
  }

  TEST_CASE("room where it was is better than a full host elsewhere") {
    Cluster cluster;
    join(cluster, "lab-1", 1, 2);
    const JobId id = cluster.submit();
    join(cluster, "lab-2", 4, 1);
    const JobId other = cluster.submit();
    REQUIRE(cluster.agent_of(other) == "lab-2");
    cluster.finish(id, wall_limit());
    CHECK(cluster.agent_of(id) == "lab-1");  // lab-2 has a run for its only core
  }

  TEST_CASE("what comes between the two answers does not lose the claim to room") {
    Cluster cluster;
    join(cluster, "lab-1", 4, 1);
    const std::vector<JobId> jobs = fill(cluster, 2);
    join(cluster, "lab-2", 1, 1);
    cluster.finish(jobs[0], compiler_killed());
    REQUIRE(cluster.agent_of(jobs[0]) == "lab-2");
    cluster.finish(jobs[0], ended(Ending::http_error));
    cluster.tell("lab-2", Bye{});
    cluster.pass(5'000);
    CHECK(cluster.job(jobs[0]).state == JobState::queued);  // lab-1 has a run for its only core
    cluster.finish(jobs[1]);
    cluster.pass(1'000);
    CHECK(cluster.agent_of(jobs[0]) == "lab-1");
  }

  TEST_CASE("the wait for room ends: then any host will do") {
    Cluster cluster;
    join(cluster, "lab-1", 2, 1);
    const std::vector<JobId> jobs = fill(cluster, 2);
    cluster.finish(jobs[0], compiler_killed());  // this says nothing of the slots
    CHECK(cluster.job(jobs[0]).state == JobState::queued);
    cluster.pass(cluster.settings.room_wait_ms - 1);
    CHECK(cluster.job(jobs[0]).state == JobState::queued);
    cluster.pass(1'000);
    CHECK(cluster.running(jobs[0]));
    CHECK(cluster.view("lab-1").running == 2);
  }

  TEST_CASE("a restarted master remembers that it doubted an answer") {
    Cluster before;
    join(before, "lab-1", 2, 1);
    const std::vector<JobId> jobs = fill(before, 2);
    before.finish(jobs[0], wall_limit());
    const Job waiting = before.job(jobs[0]);
    REQUIRE(waiting.state == JobState::queued);

    Cluster after;
    Restored restored;
    restored.jobs = {waiting};
    restored.jobs[0].asynchronous = true;
    after.feed(std::move(restored));
    join(after, "lab-1", 2, 1);
    REQUIRE(after.running(waiting.id));
    after.finish(waiting.id, wall_limit());
    CHECK(after.job(waiting.id).state == JobState::done);
    CHECK(after.job(waiting.id).outcome == 13);
  }
}
