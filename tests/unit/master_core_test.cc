// The master's core: the life of a job. The agents are played by hand; time is a number.
#include <doctest/doctest.h>

#include <random>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

// The instants, in ms from the first, at which the job was assigned while each try ends so.
std::vector<MonoMs> tries_until_final(Cluster& cluster, const JobId& id, const Finished& each) {
  std::vector<MonoMs> instants;
  const MonoMs start = cluster.now.mono;
  while (!is_final(cluster.job(id).state)) {
    instants.push_back(cluster.now.mono - start);
    cluster.finish(id, each);
    while (cluster.job(id).state == JobState::queued) cluster.pass(1);
  }
  return instants;
}

Job restored_job(std::uint64_t number, JobState state, const std::string& agent = {}) {
  Job job;
  job.id = job_number(number);
  job.state = state;
  job.asynchronous = true;
  job.language = "c";
  job.cputime_s = 5;
  job.run_spec = std::make_shared<const std::string>("{}");
  if (!agent.empty()) {
    Attempt attempt;
    attempt.number = 1;
    attempt.agent = agent;
    job.attempts.push_back(attempt);
  }
  return job;
}

}  // namespace

TEST_SUITE("master core: jobs") {
  TEST_CASE("a job goes to the agent that has its language, and its answer to the client") {
    Cluster cluster;
    cluster.join("lab-1", {.languages = {"java"}});
    const LinkId link = cluster.join("lab-2", {.languages = {"c", "python3"}});
    const JobId id = cluster.submit({.language = "python3", .files = {"abcdefgh"}});
    const auto orders = cluster.sent<Assign>(link);
    REQUIRE(orders.size() == 1);
    CHECK(orders[0].id == AttemptId{id, 1});
    CHECK(orders[0].language == "python3");
    CHECK(orders[0].body == "xx");
    CHECK(orders[0].files == std::vector<std::string>{"abcdefgh"});
    CHECK(orders[0].lease_ms == lease_ms(cluster.settings, kDefaultCputimeSeconds));
    CHECK(orders[0].expires_ms == cluster.now.mono + cluster.settings.assign_expiry_ms);
    CHECK(cluster.answers(id).empty());
    CHECK_FALSE(cluster.core.nobody_waits());

    cluster.finish(id);
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].kind == Answer::Kind::result);
    CHECK(cluster.answers(id)[0].http_status == 200);
    CHECK(*cluster.answers(id)[0].body == "{\"outcome\":15}");
    CHECK(cluster.job(id).state == JobState::done);
    CHECK(cluster.job(id).outcome == 15);
    CHECK(cluster.job(id).attempts[0].language_version == "1");
    CHECK(cluster.core.nobody_waits());
    CHECK(cluster.view("lab-2").finished == 1);
  }

  TEST_CASE("the result of a current attempt is Taken only after the commit") {
    Cluster cluster;
    cluster.join("lab-1");
    for (const auto& result : {ran(), ended(Ending::http_error), ended(Ending::unreachable)}) {
      const JobId id = cluster.submit();
      cluster.finish(id, result);
      bool taken = false;
      for (const Send& send : cluster.of<Send>()) {
        if (!std::holds_alternative<Taken>(send.message)) continue;
        taken = true;
        CHECK(send.after_commit);
        CHECK(cluster.of<SaveJob>().front().job.id == id);
      }
      CHECK(taken);
      cluster.pass(1'000);
      if (cluster.running(id)) cluster.finish(id);
    }
  }

  TEST_CASE("a language that no agent has waits for one that does") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit({.language = "java"});
    CHECK(cluster.job(id).state == JobState::queued);
    cluster.pass(1'000);
    CHECK(cluster.job(id).state == JobState::queued);
    cluster.tell("lab-1", SandboxReport{{{"java", "17"}}, ""});
    CHECK(cluster.agent_of(id) == "lab-1");
    CHECK(cluster.job(id).attempts[0].language_version == "17");
  }

  TEST_CASE("200 jobs over three agents never exceed a slot and are answered once each") {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      Cluster cluster;
      for (const char* name : {"lab-1", "lab-2", "lab-3"}) cluster.join(name, {.slots = 2});
      std::vector<JobId> open;
      for (int i = 0; i < 200; ++i) open.push_back(cluster.submit());
      const std::vector<JobId> all = open;
      while (!open.empty()) {
        for (const auto& agent : cluster.core.snapshot(cluster.now).agents) {
          REQUIRE(agent.running <= 2);
        }
        REQUIRE(cluster.core.snapshot(cluster.now).running ==
                std::min<std::size_t>(6, open.size()));
        std::vector<JobId> running;
        std::copy_if(open.begin(), open.end(), std::back_inserter(running),
                     [&](const JobId& id) { return cluster.running(id); });
        const JobId id = running[random() % running.size()];
        cluster.finish(id);
        open.erase(std::find(open.begin(), open.end(), id));
      }
      for (const JobId& id : all) REQUIRE(cluster.answers(id).size() == 1);
      CHECK(cluster.core.snapshot(cluster.now).finished == 200);
      CHECK(cluster.core.nobody_waits());
    }
  }

  TEST_CASE("jobs of one language start in order of arrival, and languages share by arrival too") {
    Cluster cluster;
    cluster.join("lab-1", {.languages = {"c", "java"}});
    const JobId first = cluster.submit();
    const JobId second = cluster.submit({.language = "java"});
    const JobId third = cluster.submit({.language = "c"});
    const JobId fourth = cluster.submit({.language = "java"});
    for (const JobId& id : {first, second, third, fourth}) {
      REQUIRE(cluster.running(id));
      cluster.finish(id);
    }
  }

  TEST_CASE("a language without a free slot does not hold up another") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.join("lab-2", {.languages = {"java"}});
    cluster.submit();
    const JobId waiting = cluster.submit();
    const JobId java = cluster.submit({.language = "java"});
    CHECK(cluster.job(waiting).state == JobState::queued);
    CHECK(cluster.agent_of(java) == "lab-2");
  }

  TEST_CASE("an asynchronous job is answered with 202 when it is saved, and no more") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit({.asynchronous = true});
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].kind == Answer::Kind::accepted);
    CHECK(cluster.core.nobody_waits());
    cluster.finish(id);
    CHECK(cluster.answers(id).size() == 1);
    CHECK(*cluster.job(id).result == "{\"outcome\":15}");
  }

  TEST_CASE("a full queue answers at once that it is overloaded") {
    CoreSettings settings;
    settings.max_queued_jobs = 2;
    settings.max_queued_bytes = 100;
    Cluster cluster(settings);
    SUBCASE("by jobs") {
      cluster.submit();
      cluster.submit();
      const JobId third = cluster.submit();
      REQUIRE(cluster.answers(third).size() == 1);
      CHECK(cluster.answers(third)[0].kind == Answer::Kind::overloaded);
      CHECK_FALSE(cluster.saved.contains(third));
      cluster.join("lab-1");  // one starts, so there is room again
      CHECK(cluster.answers(cluster.submit()).empty());
    }
    SUBCASE("by bytes") {
      cluster.submit({.bytes = 60});
      const JobId large = cluster.submit({.bytes = 41});
      CHECK(cluster.answers(large).size() == 1);
      CHECK(cluster.answers(cluster.submit({.bytes = 40})).empty());
    }
    CHECK(cluster.core.snapshot(cluster.now).queued_bytes <= 100);
  }

  TEST_CASE("a job that waits beyond the queue's limit ends with outcome 21") {
    CoreSettings settings;
    settings.queue_wait_ms = 3'000;
    Cluster cluster(settings);
    const JobId id = cluster.submit();
    cluster.pass(2'999);
    CHECK(cluster.answers(id).empty());
    cluster.pass(1);
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].http_status == 200);
    CHECK(*cluster.answers(id)[0].body == own_result(id, Outcome::overload, ""));
    CHECK(cluster.job(id).state == JobState::expired);
    CHECK(cluster.job(id).outcome == 21);
    CHECK(cluster.core.snapshot(cluster.now).queued == 0);
  }

  TEST_CASE("a 400 goes back unchanged and blames nobody") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    Finished rejected = ended(Ending::rejected);
    rejected.http_status = 400;
    rejected.body = "\"The sourcefilename for the run_spec is illegal\"";
    cluster.finish(id, rejected);
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].http_status == 400);
    CHECK(*cluster.answers(id)[0].body == rejected.body);
    CHECK(cluster.job(id).state == JobState::done);
    CHECK(cluster.view("lab-1").host_faults == 0);
  }

  TEST_CASE(
      "a host's fault sends the run to another host, never back while another could take it") {
    std::vector<Finished> faults = {ran(Outcome::internal_error), ran(Outcome::overload)};
    faults.push_back(ran(Outcome::compile_error));
    faults.back().fault_signature = "runguard: cannot start";
    for (const Ending ending : {Ending::http_error, Ending::unreadable, Ending::cut,
                                Ending::timed_out, Ending::files_missing, Ending::push_failed}) {
      faults.push_back(ended(ending));
    }
    for (const Finished& fault : faults) {
      CAPTURE(static_cast<int>(fault.ending));
      CAPTURE(fault.outcome);
      Cluster cluster;
      cluster.join("lab-1");
      cluster.join("lab-2");
      const JobId blocker = cluster.submit();
      const JobId id = cluster.submit();
      const std::string first = cluster.agent_of(id);
      const std::string other = cluster.agent_of(blocker);
      cluster.finish(id, fault);
      // The first host is free and the other one busy: it waits for the other one.
      CHECK(cluster.job(id).state == JobState::queued);
      CHECK(cluster.answers(id).empty());
      CHECK(cluster.view(first).host_faults == 1);
      const bool may_run_on = fault.ending == Ending::cut || fault.ending == Ending::timed_out;
      CHECK(cluster.view(first).running == (may_run_on ? 1 : 0));
      cluster.pass(3'000);
      CHECK(cluster.job(id).state == JobState::queued);
      cluster.finish(blocker);
      CHECK(cluster.agent_of(id) == other);
      CHECK(cluster.job(id).attempts[0].ending == fault.ending);
      cluster.finish(id);
      CHECK(cluster.answers(id).size() == 1);
      CHECK(cluster.job(id).outcome == 15);
    }
  }

  TEST_CASE("a job that comes back keeps its place in the line") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.join("lab-2");
    const JobId first = cluster.submit();
    const JobId second = cluster.submit();
    const JobId third = cluster.submit();
    cluster.finish(first, ended(Ending::http_error));
    CHECK(cluster.running(third));  // first waits for the other host, which is busy
    cluster.finish(second);
    CHECK(cluster.running(first));
  }

  TEST_CASE("every host is met before one is met again, and attempts are bounded") {
    CoreSettings settings;
    settings.max_attempts = 4;
    Cluster cluster(settings);
    for (const char* name : {"lab-1", "lab-2", "lab-3"}) cluster.join(name);
    const JobId id = cluster.submit();
    const auto instants = tries_until_final(cluster, id, ended(Ending::http_error));
    CHECK(instants.size() == 4);
    CHECK(instants[2] == 0);
    std::set<std::string> hosts;
    for (int i = 0; i < 3; ++i) hosts.insert(cluster.job(id).attempts[i].agent);
    CHECK(hosts.size() == 3);
    CHECK(cluster.job(id).state == JobState::failed);
    CHECK(cluster.job(id).outcome == 20);
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].http_status == 200);
    CHECK(cluster.answers(id)[0].body->find("\"outcome\":20") != std::string::npos);
    CHECK(cluster.answers(id)[0].body->find("4 attempts") != std::string::npos);
  }

  TEST_CASE("with a single host it is tried there again, after delays that double") {
    CoreSettings settings;
    settings.max_attempts = 8;
    Cluster cluster(settings);
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const auto instants = tries_until_final(cluster, id, ran(Outcome::internal_error));
    CHECK(instants == std::vector<MonoMs>{0, 200, 600, 1'400, 3'000, 6'200, 12'600, 25'400});
    CHECK(cluster.job(id).attempts.size() == 8);
  }

  TEST_CASE("unreachable, expired and absent files do not count, but they are bounded too") {
    for (const Ending ending : {Ending::unreachable, Ending::expired, Ending::files_unavailable}) {
      Cluster cluster;
      cluster.join("lab-1");
      const JobId id = cluster.submit();
      for (int i = 0; i < 10; ++i) {
        cluster.finish(id, ended(ending));
        REQUIRE(cluster.job(id).state == JobState::queued);
        cluster.pass(cluster.settings.retry_delay_ms - 1);
        CHECK(cluster.job(id).state == JobState::queued);
        while (!cluster.running(id)) cluster.pass(100);
      }
      CHECK(cluster.view("lab-1").host_faults == 0);
      SUBCASE("one that runs at last") {
        cluster.finish(id);
        CHECK(cluster.job(id).state == JobState::done);
      }
      SUBCASE("one that never does") {
        tries_until_final(cluster, id, ended(ending));
        CHECK(cluster.job(id).state == JobState::failed);
        CHECK(cluster.job(id).attempts.size() == cluster.settings.max_all_attempts);
      }
    }
  }

  TEST_CASE("a host that could not begin a run is left out while another could take it") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 10});  // the less loaded, always
    const JobId id = cluster.submit();
    cluster.join("lab-2");
    cluster.finish(id, ended(Ending::unreachable));
    CHECK(cluster.agent_of(id) == "lab-2");
  }

  TEST_CASE("a job that had its turn has its patience anew") {
    CoreSettings settings;
    settings.queue_wait_ms = 30'000;
    Cluster cluster(settings);
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.pass(40'000);
    cluster.finish(id, ended(Ending::http_error));
    cluster.pass(1'000);
    CHECK(cluster.agent_of(id) == "lab-1");
  }

  TEST_CASE("a lease without a word sends the run elsewhere, and its slot is free in the end") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.join("lab-2");
    const AttemptId overdue = cluster.current(id);
    const MonoMs lease = lease_ms(cluster.settings, kDefaultCputimeSeconds);
    cluster.pass(lease + cluster.settings.lease_margin_ms - 1);
    CHECK(cluster.agent_of(id) == "lab-1");
    cluster.pass(1);
    CHECK(cluster.agent_of(id) == "lab-2");
    CHECK(cluster.job(id).attempts[0].ending == Ending::overdue);
    CHECK(cluster.view("lab-1").running == 1);  // perhaps it runs on
    CHECK(cluster.view("lab-1").host_faults == 1);
    cluster.pass(ghost_ms(cluster.settings, kDefaultCputimeSeconds) + 1'000);
    CHECK(cluster.view("lab-1").running == 0);

    Finished late = ran();
    late.id = overdue;
    cluster.tell("lab-1", late);
    CHECK(cluster.sent<Taken>(cluster.links["lab-1"]).size() == 1);
    CHECK(cluster.answers(id).empty());
    CHECK(cluster.core.snapshot(cluster.now).late_results == 1);
    cluster.finish(id);
    CHECK(cluster.job(id).attempts[0].late_answer != 0);
  }

  TEST_CASE("a result told twice counts once") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit();
    Finished result = ran();
    result.id = cluster.current(id);
    cluster.tell("lab-1", result);
    cluster.tell("lab-1", result);
    CHECK(cluster.answers(id).size() == 1);
    CHECK(cluster.sent<Taken>(link).size() == 1);
    CHECK(cluster.of<SaveJob>().empty());
    CHECK(cluster.core.snapshot(cluster.now).late_results == 1);
  }

  TEST_CASE("a result from an agent that does not run the job is not delivered") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.join("lab-2");
    Finished foreign = ran();
    foreign.id = cluster.current(id);
    cluster.tell("lab-2", foreign);
    CHECK(cluster.answers(id).empty());
    foreign.id.attempt = 7;
    cluster.tell("lab-1", foreign);
    CHECK(cluster.answers(id).empty());
    CHECK(cluster.agent_of(id) == "lab-1");
    CHECK(cluster.core.snapshot(cluster.now).late_results == 2);
  }

  TEST_CASE("a stopping master says so, and serves those that were let in before") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.feed(StopAccepting{});
    CHECK(cluster.core.snapshot(cluster.now).problem == "the master is stopping");
    CHECK_FALSE(cluster.core.snapshot(cluster.now).accepting);
    const JobId late = cluster.submit();
    CHECK_FALSE(cluster.core.nobody_waits());
    cluster.finish(late);
    REQUIRE(cluster.answers(late).size() == 1);
    CHECK(cluster.answers(late)[0].kind == Answer::Kind::result);
    CHECK(cluster.core.nobody_waits());
  }

  TEST_CASE("a master that cannot save accepts nothing more") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId before = cluster.submit();
    cluster.feed(StoreProblem{"disk full"});
    CHECK(cluster.core.snapshot(cluster.now).problem == "disk full");
    CHECK_FALSE(cluster.core.snapshot(cluster.now).accepting);
    const JobId refused = cluster.submit();
    REQUIRE(cluster.answers(refused).size() == 1);
    CHECK(cluster.answers(refused)[0].kind == Answer::Kind::unavailable);
    cluster.finish(before);  // what was accepted goes on
    CHECK(cluster.answers(before).size() == 1);
    cluster.feed(StoreProblem{});
    if (cluster.core.snapshot(cluster.now).accepting) {
      CHECK(cluster.answers(cluster.submit()).empty());
    }
  }

  TEST_CASE("while the store fails nothing new is started") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId first = cluster.submit();
    const JobId second = cluster.submit();
    cluster.feed(StoreProblem{"disk full"});
    cluster.finish(first);
    cluster.pass(1'000);
    CHECK(cluster.job(second).state == JobState::queued);
    cluster.feed(StoreProblem{});
    CHECK(cluster.running(second));
  }

  TEST_CASE("restored jobs keep their order") {
    Cluster cluster;
    cluster.feed(Restored{{restored_job(3, JobState::queued), restored_job(1, JobState::queued),
                           restored_job(2, JobState::queued)},
                          {{"lab-1", 2, 100, {{"c", "1"}}}}});
    CHECK(cluster.core.snapshot(cluster.now).queued == 3);
    CHECK(cluster.core.snapshot(cluster.now).known_languages == std::vector<std::string>{"c"});
    CHECK(cluster.view("lab-1").state == AgentState::lost);
    cluster.join("lab-1");
    for (std::uint64_t number : {1, 2, 3}) {
      REQUIRE(cluster.saved.contains(job_number(number)));
      REQUIRE(cluster.running(job_number(number)));
      cluster.finish(job_number(number));
    }
  }

  TEST_CASE("a restored running job waits for its agent, which may still have it") {
    Cluster cluster;
    const JobId id = job_number(1);
    cluster.feed(Restored{{restored_job(1, JobState::running, "lab-1")}, {}});
    cluster.join("lab-2");
    cluster.pass(cluster.settings.rejoin_grace_ms - 1);
    CHECK(cluster.view("lab-2").running == 0);
    SUBCASE("it does") {
      cluster.join("lab-1", {.held = {{id, 1}}});
      CHECK(cluster.agent_of(id) == "lab-1");
      CHECK(cluster.job(id).attempts.size() == 1);
      CHECK(cluster.view("lab-1").running == 1);
      cluster.pass(1'000);
      cluster.finish(id);
      CHECK(cluster.job(id).state == JobState::done);
    }
    SUBCASE("it came back without it") {
      cluster.join("lab-1");
      CHECK(cluster.job(id).attempts[0].ending == Ending::forgotten);
      cluster.pass(1'000);
      CHECK(cluster.running(id));
    }
    SUBCASE("it does not come") {
      cluster.pass(1);
      CHECK(cluster.job(id).attempts[0].ending == Ending::forgotten);
      cluster.pass(cluster.settings.retry_delay_ms);
      CHECK(cluster.agent_of(id) == "lab-2");
      // It did not count: three faults more are needed.
      tries_until_final(cluster, id, ended(Ending::http_error));
      CHECK(cluster.job(id).attempts.size() == 4);
    }
  }

  TEST_CASE("a restored job remembers the hosts that failed it") {
    Cluster cluster;
    Job job = restored_job(1, JobState::queued, "lab-1");
    job.attempts[0].ending = Ending::http_error;
    job.attempts.push_back(job.attempts[0]);
    job.attempts[1].number = 2;
    cluster.feed(Restored{{job}, {}});
    cluster.join("lab-2");
    CHECK(cluster.agent_of(job.id) == "lab-2");
    CHECK(cluster.current(job.id).attempt == 3);
    cluster.finish(job.id, ended(Ending::http_error));
    CHECK(cluster.job(job.id).state == JobState::failed);
  }
}
