// The master's core: sick hosts. Quarantine, canaries, degraded hosts, and programs that are their
// own fault. The agents are played by hand; time is a number.
#include <doctest/doctest.h>

#include "master/core/canary.h"
#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

Finished faulty(const std::string& signature = "runguard: cannot start") {
  Finished result = ran(Outcome::compile_error);
  result.fault_signature = signature;
  return result;
}

Finished canary_answer(bool right = true) {
  Finished result = ran();
  result.body = right ? R"({"run_id":"x","outcome":15,"stdout":"docket canary 42\n"})"
                      : R"({"run_id":"x","outcome":15,"stdout":""})";
  return result;
}

// Gives the agent runs of programs that were not sent before; each ends so.
void run_several(Cluster& cluster, const std::string& name, int count, const Finished& each) {
  static std::size_t bytes = 1'000;
  for (int i = 0; i < count; ++i) {
    std::vector<JobId> elsewhere;
    JobId id = cluster.submit({.asynchronous = true, .bytes = ++bytes});
    while (cluster.agent_of(id) != name && !cluster.agent_of(id).empty()) {
      elsewhere.push_back(id);
      id = cluster.submit({.asynchronous = true, .bytes = ++bytes});
    }
    if (cluster.agent_of(id) == name) cluster.finish(id, each);
    // What it failed at goes on elsewhere.
    if (cluster.running(id) && cluster.agent_of(id) != name) elsewhere.push_back(id);
    for (const JobId& other : elsewhere) {
      if (cluster.running(other) && cluster.agent_of(other) != name) cluster.finish(other);
    }
  }
}

}  // namespace

TEST_SUITE("master core: health") {
  TEST_CASE("faults of three programs take a host out, its canaries let it back") {
    Cluster cluster;
    cluster.join("good", {.slots = 4});
    const LinkId link = cluster.join("sick", {.slots = 4, .languages = {"c", "python3", "cobol"}});
    cluster.join("also", {.slots = 4, .languages = {"python3", "cobol"}});
    run_several(cluster, "sick", 2, faulty());
    CHECK(cluster.view("sick").state == AgentState::active);
    run_several(cluster, "sick", 1, faulty());
    REQUIRE(cluster.view("sick").state == AgentState::quarantined);
    CHECK(cluster.view("sick").reason.find("runguard: cannot start") != std::string::npos);
    // It gets nothing, however much there is.
    for (int i = 0; i < 6; ++i) {
      const JobId id = cluster.submit({.asynchronous = true});
      CHECK(cluster.agent_of(id) != "sick");
    }

    std::vector<Assign> orders;
    const auto wait_for_canary = [&] {
      for (int i = 0; i < 400 && cluster.canaries.empty(); ++i) cluster.pass(500);
      orders = std::exchange(cluster.canaries, {});
      REQUIRE(orders.size() == 1);
    };
    const auto answer = [&](Finished result) {
      result.id = orders.at(0).id;
      cluster.tell("sick", std::move(result));
      orders = std::exchange(cluster.canaries, {});
    };
    wait_for_canary();
    CHECK(cluster.view("sick").state == AgentState::probing);
    CHECK(orders[0].body.find("docket canary") != std::string::npos);
    CHECK(cluster.sent<Taken>(link).empty());
    answer(canary_answer(false));  // an empty output
    CHECK(orders.empty());
    CHECK(cluster.view("sick").state == AgentState::quarantined);
    CHECK(cluster.view("sick").reason.find("canary in python3: its output is wrong") !=
          std::string::npos);

    wait_for_canary();
    answer(canary_answer());
    REQUIRE(orders.size() == 1);  // the next language; cobol has no canary
    CHECK(orders[0].language == "c");
    CHECK(cluster.view("sick").state == AgentState::probing);
    answer(canary_answer());
    CHECK(cluster.view("sick").state == AgentState::active);
    CHECK(cluster.view("sick").reason.empty());
  }

  TEST_CASE("probes come ever more rarely, and a silent one ends") {
    Cluster cluster;
    cluster.join("good", {.slots = 4});
    cluster.join("sick", {.slots = 4});
    run_several(cluster, "sick", 3, ended(Ending::http_error));
    std::vector<MonoMs> sent;
    const MonoMs end = cluster.now.mono + 600'000;
    while (cluster.now.mono < end) {
      cluster.pass(500);
      for (const Assign& order : std::exchange(cluster.canaries, {})) {
        sent.push_back(cluster.now.mono);
        Finished result = ended(Ending::http_error);
        result.id = order.id;
        cluster.tell("sick", result);
      }
    }
    REQUIRE(sent.size() > 4);
    CHECK(sent.size() < 15);
    CHECK(sent[2] - sent[1] > sent[1] - sent[0]);
    CHECK(sent.back() - sent[sent.size() - 2] <=
          cluster.settings.probe_last_ms + 2 * cluster.settings.heartbeat_ms);

    while (cluster.canaries.empty()) cluster.pass(500);
    CHECK(cluster.view("sick").state == AgentState::probing);
    cluster.pass(lease_ms(cluster.settings, kCanaryCputimeSeconds) +
                 cluster.settings.lease_margin_ms + 1'000);
    CHECK(cluster.view("sick").state != AgentState::active);
  }

  TEST_CASE("one program that fails everywhere takes no host out") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    cluster.join("lab-2", {.slots = 2});
    for (int i = 0; i < 8; ++i) {
      const JobId id = cluster.submit({.asynchronous = true, .bytes = 77});
      while (!is_final(cluster.job(id).state)) {
        if (cluster.running(id)) cluster.finish(id, ended(Ending::cut));
        cluster.pass(1'000);
      }
      CHECK(cluster.job(id).state == JobState::failed);
      CHECK(cluster.job(id).outcome == 20);
      cluster.pass(60'000);  // the slots it may still hold
    }
    for (const char* name : {"lab-1", "lab-2"}) {
      CHECK(cluster.view(name).state == AgentState::active);
    }
  }

  TEST_CASE("the same fault on two healthy hosts is the program's own: it is answered") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    cluster.join("lab-2", {.slots = 2});
    cluster.join("lab-3", {.slots = 2});
    for (const char* name : {"lab-1", "lab-2", "lab-3"}) run_several(cluster, name, 2, ran());
    const JobId id = cluster.submit();
    cluster.finish(id, faulty());
    REQUIRE(cluster.running(id));
    SUBCASE("the same") {
      cluster.finish(id, faulty());
      CHECK(cluster.job(id).state == JobState::done);
      CHECK(cluster.job(id).outcome == 11);
      REQUIRE(cluster.answers(id).size() == 1);
      CHECK(cluster.answers(id)[0].body->find("11") != std::string::npos);
    }
    SUBCASE("another") {
      cluster.finish(id, faulty("sudo: a password is required"));
      CHECK(cluster.running(id));
    }
    SUBCASE("overload is nobody's own") {
      cluster.finish(id, ran(Outcome::overload));
      REQUIRE(cluster.running(id));
      cluster.finish(id, ran(Outcome::overload));
      CHECK(cluster.job(id).state == JobState::queued);
    }
  }

  TEST_CASE("hosts that have shown nothing yet vouch for nothing") {
    Cluster cluster;
    for (const char* name : {"lab-1", "lab-2", "lab-3"}) cluster.join(name);
    const JobId id = cluster.submit();
    cluster.finish(id, faulty());
    cluster.finish(id, faulty());
    CHECK(cluster.running(id));  // perhaps both are sick
    cluster.finish(id, faulty());
    CHECK(cluster.job(id).outcome == 20);
  }

  TEST_CASE("the last host of a language stays, degraded, until there is another") {
    Cluster cluster;
    cluster.join("only", {.slots = 2, .languages = {"c"}});
    cluster.join("other", {.slots = 2, .languages = {"java"}});
    const auto fail_one = [&](std::size_t bytes) {
      const JobId id = cluster.submit({.asynchronous = true, .bytes = bytes});
      while (cluster.running(id) || cluster.job(id).state == JobState::queued) {
        if (cluster.running(id)) cluster.finish(id, faulty());
        cluster.pass(300);
      }
    };
    for (std::size_t bytes : {11, 12, 13}) fail_one(bytes);
    CHECK(cluster.view("only").state == AgentState::active);
    CHECK(cluster.view("only").degraded.find("runguard") != std::string::npos);
    SUBCASE("it recovers") {
      for (int i = 0; i < 10; ++i) {
        cluster.finish(cluster.submit({.asynchronous = true, .bytes = 100 + std::size_t(i)}));
      }
      CHECK(cluster.view("only").degraded.empty());
    }
    SUBCASE("another comes") {
      cluster.join("second", {.languages = {"c"}});
      cluster.pass(1'000);
      CHECK(cluster.view("only").state == AgentState::quarantined);
      CHECK(cluster.view("second").state == AgentState::active);
    }
  }

  TEST_CASE("a quarantined host works on, degraded, when the others are gone") {
    Cluster cluster;
    cluster.join("good", {.slots = 4});
    cluster.join("sick", {.slots = 4});
    run_several(cluster, "sick", 3, faulty());
    REQUIRE(cluster.view("sick").state == AgentState::quarantined);
    cluster.tell("good", Bye{});
    cluster.links.erase("good");
    cluster.pass(1'000);
    CHECK(cluster.view("sick").state == AgentState::active);
    CHECK(cluster.view("sick").degraded.find("runguard") != std::string::npos);
    CHECK(cluster.running(cluster.submit()));
    cluster.join("good", {.slots = 4});
    cluster.pass(1'000);
    CHECK(cluster.view("sick").state == AgentState::quarantined);
    CHECK(cluster.view("sick").reason.find("runguard") != std::string::npos);
    CHECK(cluster.view("sick").degraded.empty());
  }

  TEST_CASE("who alone may run a language is its last host, whoever else has it") {
    CoreSettings settings;
    SUBCASE("by a pin") {
      settings.pins = {{"java", {"sick"}}};
    }
    SUBCASE("by a tag that a key requires") {}
    Cluster cluster(settings);
    if (settings.pins.empty()) cluster.add_key({.name = "exams", .tags = {"exam"}});
    cluster.join("good", {.slots = 4, .languages = {"c", "java"}});
    cluster.join("sick", {.slots = 4, .languages = {"c", "java"}, .tags = {"exam"}});
    run_several(cluster, "sick", 3, faulty());
    CHECK(cluster.view("sick").state == AgentState::active);
    CHECK_FALSE(cluster.view("sick").degraded.empty());
  }

  TEST_CASE("quarantine outlives the connection") {
    Cluster cluster;
    cluster.join("good", {.slots = 4});
    const LinkId link = cluster.join("sick", {.slots = 4});
    run_several(cluster, "sick", 3, faulty());
    REQUIRE(cluster.view("sick").state == AgentState::quarantined);
    cluster.feed(LinkGone{link});
    CHECK(cluster.view("sick").state == AgentState::lost);
    cluster.join("sick", {.slots = 4, .instance = 2});
    CHECK(cluster.view("sick").state == AgentState::quarantined);
    CHECK(cluster.agent_of(cluster.submit()) == "good");
  }

  TEST_CASE("an answer without output is told when a canary sent after it has printed") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1", {.slots = 2, .languages = {"c", "cobol"}});
    cluster.finish(cluster.submit());  // what it printed before proves nothing
    const JobId first = cluster.submit();
    cluster.finish(first, silence());
    CHECK(cluster.answers(first).empty());
    CHECK(cluster.sent<Taken>(link).empty());
    CHECK(cluster.running(first));
    REQUIRE(cluster.canaries.size() == 1);
    CHECK(cluster.canaries[0].language == "c");
    CHECK(cluster.view("lab-1").state == AgentState::active);
    CHECK(cluster.view("lab-1").running == 1);  // the canary has the slot of the answer

    // These come while the canary is out, so it proves nothing for them.
    const JobId second = cluster.submit({.language = "cobol"});
    cluster.finish(second, silence());
    CHECK(cluster.canaries.size() == 1);
    CHECK(cluster.view("lab-1").running == 2);

    Finished well = canary_answer();
    well.id = cluster.canaries[0].id;
    cluster.tell("lab-1", well);
    REQUIRE(cluster.answers(first).size() == 1);
    CHECK(cluster.job(first).outcome == 15);
    CHECK(cluster.answers(second).empty());
    CHECK(cluster.sent<Taken>(link).size() == 2);  // the canary's and the first one's
    REQUIRE(cluster.canaries.size() == 2);
    well.id = cluster.canaries[1].id;
    cluster.tell("lab-1", well);
    CHECK(cluster.answers(second).size() == 1);
    CHECK(cluster.view("lab-1").running == 0);
    CHECK(cluster.view("lab-1").host_faults == 0);
  }

  TEST_CASE("a canary that began nothing proves nothing: another is sent") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId id = cluster.submit();
    cluster.finish(id, silence());
    REQUIRE(cluster.canaries.size() == 1);
    Finished nothing = ended(Ending::unreachable);
    nothing.id = cluster.canaries[0].id;
    cluster.tell("lab-1", nothing);
    CHECK(cluster.canaries.size() == 1);
    cluster.pass(1'000);
    REQUIRE(cluster.canaries.size() == 2);
    Finished well = canary_answer();
    well.id = cluster.canaries[1].id;
    cluster.tell("lab-1", well);
    CHECK(cluster.job(id).outcome == 15);
    CHECK(cluster.view("lab-1").host_faults == 0);
  }

  TEST_CASE("a host that loses output is quarantined within two programs, and tells nothing") {
    Cluster cluster;
    const LinkId link = cluster.join("mute");
    std::vector<JobId> jobs;
    for (std::size_t bytes : {31, 32}) {
      JobId id = cluster.submit({.bytes = bytes});
      while (cluster.agent_of(id) != "mute") {
        cluster.finish(id);
        id = cluster.submit({.bytes = bytes});
      }
      if (bytes == 31) cluster.join("well", {.slots = 2});
      cluster.finish(id, silence());
      REQUIRE(cluster.canaries.size() == 1);
      Finished empty = canary_answer(false);
      empty.id = std::exchange(cluster.canaries, {})[0].id;
      cluster.tell("mute", empty);
      CHECK(cluster.agent_of(id) == "well");
      CHECK(cluster.sent<Taken>(link).size() == 2);
      jobs.push_back(id);
    }
    CHECK(cluster.view("mute").state == AgentState::quarantined);
    CHECK(cluster.view("mute").reason.find("no output, and canary in c: its output is wrong") !=
          std::string::npos);
    for (const JobId& id : jobs) {
      CHECK(cluster.answers(id).empty());
      cluster.finish(id);
      CHECK(cluster.answers(id).size() == 1);
      CHECK(cluster.job(id).attempts[0].detail.find("no output") != std::string::npos);
    }
  }

  TEST_CASE("an answer held back is lost with nothing: not by its canary, its host or its client") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.finish(id, silence());
    REQUIRE(cluster.canaries.size() == 1);
    Finished told = silence();
    told.id = cluster.current(id);
    SUBCASE("its agent tells it twice") {
      cluster.tell("lab-1", told);
      CHECK(cluster.canaries.size() == 1);
      Finished well = canary_answer();
      well.id = cluster.canaries[0].id;
      cluster.tell("lab-1", well);
      CHECK(cluster.answers(id).size() == 1);
    }
    SUBCASE("the canary gives no answer") {
      cluster.pass(lease_ms(cluster.settings, kCanaryCputimeSeconds) +
                   cluster.settings.lease_margin_ms + 1'000);
      CHECK(cluster.answers(id).empty());
      CHECK(cluster.job(id).attempts.size() == 2);
      CHECK(cluster.view("lab-1").host_faults == 2);
    }
    SUBCASE("the agent is gone, and tells it again") {
      cluster.feed(LinkGone{link});
      CHECK(cluster.job(id).state == JobState::queued);
      cluster.join("lab-1", {.held = {told.id}});
      CHECK(cluster.running(id));
      cluster.tell("lab-1", told);
      REQUIRE(cluster.canaries.size() == 2);
      Finished well = canary_answer();
      well.id = cluster.canaries[0].id;  // of the connection before
      cluster.tell("lab-1", well);
      CHECK(cluster.answers(id).empty());
      well.id = cluster.canaries[1].id;
      cluster.tell("lab-1", well);
      CHECK(cluster.answers(id).size() == 1);
    }
    SUBCASE("an operator cancels the run") {
      cluster.feed(CancelRun{77, id});
      CHECK(cluster.job(id).state == JobState::cancelled);
      Finished well = canary_answer();
      well.id = cluster.canaries[0].id;
      cluster.tell("lab-1", well);
      CHECK(cluster.sent<Taken>(link).size() == 2);
      CHECK(cluster.view("lab-1").running == 0);
    }
    CHECK(cluster.answers(id).size() <= 1);
  }

  TEST_CASE("silence in a language that no canary is known for, on a host without any, is told") {
    Cluster cluster;
    cluster.join("lab-1", {.languages = {"cobol"}});
    const JobId id = cluster.submit({.language = "cobol"});
    cluster.finish(id, silence());
    CHECK(cluster.answers(id).size() == 1);
    CHECK(cluster.canaries.empty());
  }

  TEST_CASE("canaries are programs that print what they computed") {
    for (const char* language :
         {"c", "cpp", "java", "nodejs", "octave", "pascal", "php", "python3"}) {
      CHECK(canary_body(language).find("6 * 7") != std::string::npos);
    }
    CHECK(canary_body("cobol").empty());
    CHECK(canary_problem(canary_answer()).empty());
    CHECK_FALSE(canary_problem(canary_answer(false)).empty());
    CHECK_FALSE(canary_problem(faulty()).empty());
    CHECK_FALSE(canary_problem(ended(Ending::unreadable)).empty());
    CHECK(is_canary(JobId{0, 7}));
    CHECK_FALSE(is_canary(job_number(1)));
  }
}
