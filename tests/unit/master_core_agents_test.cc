// The master's core: the life of an agent, and what becomes of its runs.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

TEST_SUITE("master core: agents") {
  TEST_CASE("a hello is welcomed, and its slots, weight and languages are kept") {
    Cluster cluster;
    const LinkId link =
        cluster.join("lab-1", {.slots = 4, .weight_percent = 150, .languages = {"c", "java"}});
    const auto welcomes = cluster.sent<Welcome>(link);
    REQUIRE(welcomes.size() == 1);
    CHECK(welcomes[0].protocol == kProtocolVersion);
    CHECK(welcomes[0].version == "1.0");
    CHECK(welcomes[0].master_ms == cluster.now.mono);
    CHECK(welcomes[0].heartbeat_ms == cluster.settings.heartbeat_ms);
    CHECK(welcomes[0].silence_ms == cluster.settings.silence_ms);
    const auto saves = cluster.of<SaveAgent>();
    REQUIRE(saves.size() == 1);
    CHECK(saves[0].agent.slots == 4);
    CHECK(saves[0].agent.weight_percent == 150);
    CHECK(saves[0].agent.languages.size() == 2);
    const Snapshot snapshot = cluster.core.snapshot(cluster.now);
    CHECK(snapshot.slots == 4);
    CHECK(snapshot.languages.size() == 2);
    CHECK(snapshot.agents[0].state == AgentState::active);
  }

  TEST_CASE("hellos that cannot be accepted are refused with the reason") {
    Cluster cluster;
    Hello hello = hello_of("lab-1", {});
    hello.protocol = kProtocolVersion + 1;
    cluster.feed(FromAgent{1, hello});
    REQUIRE(cluster.sent<Refused>(1).size() == 1);
    CHECK(cluster.sent<Refused>(1)[0].code == Refusal::protocol_version);
    for (const char* name : {"", "a b", "a/b", "\xc3\xa9"}) {
      cluster.feed(FromAgent{1, hello_of(name, {})});
      REQUIRE(cluster.sent<Refused>(1).size() == 1);
      CHECK(cluster.sent<Refused>(1)[0].code == Refusal::bad_hello);
    }
    cluster.feed(FromAgent{1, hello_of(std::string(65, 'a'), {})});
    CHECK(cluster.sent<Refused>(1).size() == 1);
    cluster.feed(FromAgent{1, Heartbeat{}});
    REQUIRE(cluster.sent<Refused>(1).size() == 1);
    CHECK(cluster.sent<Refused>(1)[0].code == Refusal::say_hello);
    CHECK(cluster.core.snapshot(cluster.now).agents.empty());
  }

  TEST_CASE("runs are spread by load relative to slots x weight") {
    Cluster cluster;
    cluster.join("quick", {.slots = 30, .weight_percent = 200});
    cluster.join("small", {.slots = 10, .weight_percent = 100});
    cluster.join("wide", {.slots = 30, .weight_percent = 100});
    for (int i = 0; i < 20; ++i) cluster.submit();
    // Capacities 6 : 1 : 3.
    CHECK(cluster.view("quick").running == 12);
    CHECK(cluster.view("small").running == 2);
    CHECK(cluster.view("wide").running == 6);
  }

  TEST_CASE("equals take turns") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.join("lab-2");
    std::map<std::string, int> runs;
    for (int i = 0; i < 10; ++i) {
      const JobId id = cluster.submit();
      ++runs[cluster.agent_of(id)];
      cluster.finish(id);
    }
    CHECK(runs["lab-1"] == 5);
    CHECK(runs["lab-2"] == 5);
  }

  TEST_CASE("a silent agent is suspect, then lost, and its runs go elsewhere") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId first = cluster.current(id);
    cluster.join("lab-2");
    cluster.silent = {"lab-1"};
    cluster.pass(cluster.settings.suspect_ms + cluster.settings.heartbeat_ms);
    CHECK(cluster.view("lab-1").state == AgentState::suspect);
    CHECK(cluster.agent_of(id) == "lab-1");
    const JobId next = cluster.submit();
    CHECK(cluster.agent_of(next) == "lab-2");  // a suspect gets nothing new
    cluster.finish(next);

    SUBCASE("it speaks again in time") {
      cluster.silent.clear();
      cluster.pass(100);
      CHECK(cluster.view("lab-1").state == AgentState::active);
      CHECK(cluster.agent_of(id) == "lab-1");
    }
    SUBCASE("it does not") {
      cluster.pass(cluster.settings.silence_ms - cluster.settings.suspect_ms);
      CHECK(cluster.view("lab-1").state == AgentState::lost);
      CHECK(cluster.agent_of(id) == "lab-2");
      CHECK(cluster.job(id).attempts[0].ending == Ending::agent_lost);

      // On the old connection it is told to begin anew; its result no longer counts.
      Finished late = ran();
      late.id = first;
      cluster.tell("lab-1", late);
      CHECK(cluster.sent<Refused>(cluster.links["lab-1"]).size() == 1);
      cluster.silent.clear();
      const LinkId link = cluster.join("lab-1", {.held = {first}});
      CHECK(cluster.agent_of(id) == "lab-2");
      cluster.tell("lab-1", late);
      CHECK(cluster.sent<Taken>(link).size() == 1);
      CHECK(cluster.answers(id).empty());
      CHECK(cluster.core.snapshot(cluster.now).late_results == 1);
      CHECK(cluster.view("lab-1").running == 0);
      cluster.finish(id);
      CHECK(cluster.answers(id).size() == 1);
    }
  }

  TEST_CASE("the master sends a heartbeat when it has nothing else to say") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    int beats = 0;
    for (int i = 0; i < 100; ++i) {
      cluster.advance(100);
      cluster.tell("lab-1", Heartbeat{});
      cluster.tick();
      beats += static_cast<int>(cluster.sent<Heartbeat>(link).size());
    }
    CHECK(beats >= 6);
    CHECK(beats <= 10);
  }

  TEST_CASE("an agent that returns with its attempt keeps it when nobody else has it") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId held = cluster.current(id);
    cluster.feed(LinkGone{cluster.links["lab-1"]});
    CHECK(cluster.view("lab-1").state == AgentState::lost);
    CHECK(cluster.job(id).state == JobState::queued);
    cluster.join("lab-1", {.held = {held}});
    CHECK(cluster.agent_of(id) == "lab-1");
    CHECK(cluster.current(id) == held);
    CHECK(cluster.job(id).attempts.size() == 1);
    CHECK(cluster.job(id).attempts[0].ending == Ending::none);
    CHECK(cluster.view("lab-1").running == 1);
    cluster.finish(id);
    CHECK(cluster.answers(id).size() == 1);
  }

  TEST_CASE("an adopted attempt that fails after a later one leaves attempt numbers unique") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId first = cluster.current(id);
    cluster.join("lab-2");
    cluster.feed(LinkGone{cluster.links["lab-1"]});
    REQUIRE(cluster.agent_of(id) == "lab-2");
    cluster.finish(id, ended(Ending::http_error));  // attempt 2
    cluster.join("lab-1", {.held = {first}});
    REQUIRE(cluster.agent_of(id) == "lab-1");
    cluster.join("lab-3");
    cluster.finish(id, ended(Ending::unreachable));
    cluster.pass(1'000);
    REQUIRE(cluster.running(id));
    CHECK(cluster.current(id).attempt == 3);
  }

  TEST_CASE("an attempt that a master did not live to write down is taken up from its agent") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    REQUIRE(cluster.current(id) == AttemptId{id, 1});
    cluster.join("lab-1", {.held = {{id, 2}}});
    CHECK(cluster.current(id) == AttemptId{id, 2});
    CHECK(cluster.job(id).attempts[0].ending == Ending::forgotten);
    CHECK(cluster.view("lab-1").running == 1);
  }

  TEST_CASE("the number of such an attempt is not given again") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const LinkId link = cluster.join("lab-2", {.slots = 2, .held = {{id, 2}}});
    CHECK(cluster.agent_of(id) == "lab-1");
    REQUIRE(cluster.sent<Cancel>(link).size() == 1);
    cluster.feed(LinkGone{cluster.links["lab-1"]});
    CHECK(cluster.agent_of(id) == "lab-2");
    CHECK(cluster.current(id) == AttemptId{id, 3});
  }

  TEST_CASE("adopting one attempt does not wipe out another fault of the same host") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.finish(id, ended(Ending::http_error));
    cluster.pass(1'000);
    const AttemptId second = cluster.current(id);
    REQUIRE(second.attempt == 2);
    cluster.feed(LinkGone{cluster.links["lab-1"]});
    cluster.join("lab-1", {.held = {second}});
    REQUIRE(cluster.agent_of(id) == "lab-1");
    cluster.join("lab-2", {.weight_percent = 50});   // the slower choice
    cluster.finish(id, ended(Ending::unreachable));  // does not count, but the first one did
    cluster.pass(1'000);
    CHECK(cluster.agent_of(id) == "lab-2");
  }

  TEST_CASE("an attempt that was reported is not taken up again when its agent repeats itself") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId first = cluster.current(id);
    cluster.finish(id, ended(Ending::http_error));
    REQUIRE(cluster.job(id).state == JobState::queued);
    // Its word that the first was taken went down with the connection.
    const LinkId link = cluster.join("lab-1", {.held = {first}});
    CHECK(cluster.job(id).state == JobState::queued);
    CHECK(cluster.job(id).attempts[0].ending == Ending::http_error);
    Finished again = ended(Ending::http_error);
    again.id = first;
    cluster.tell("lab-1", again);
    CHECK(cluster.sent<Taken>(link).size() == 1);
    CHECK(cluster.view("lab-1").host_faults == 1);
    CHECK(cluster.view("lab-1").running == 0);
  }

  TEST_CASE("nor one that was reported when it counted no more") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    const AttemptId first = cluster.current(id);
    cluster.feed(HoldAgent{1, "lab-1", Hold::drain, "upgrade", 0});
    cluster.pass(1'000);
    REQUIRE(cluster.job(id).attempts[0].ending == Ending::evicted);
    Finished late = ended(Ending::cancelled);
    late.id = first;
    cluster.tell("lab-1", late);
    cluster.join("lab-1", {.held = {first}});
    CHECK(cluster.job(id).state == JobState::queued);
  }

  TEST_CASE("attempts that an agent holds occupy its slots, wanted or not") {
    Cluster cluster;
    const JobId id = cluster.submit();
    const AttemptId ghost{job_number(1'000), 1};
    const LinkId link = cluster.join("lab-1", {.slots = 2, .held = {ghost, {id, 7}}});
    CHECK(cluster.view("lab-1").running == 2);
    CHECK(cluster.current(id) == AttemptId{id, 7});  // assigned before a crash, not on disk
    const JobId next = cluster.submit();
    CHECK(cluster.job(next).state == JobState::queued);
    Finished result = ran();
    result.id = ghost;
    cluster.tell("lab-1", result);
    CHECK(cluster.sent<Taken>(link).size() == 1);
    CHECK(cluster.agent_of(next) == "lab-1");
  }

  TEST_CASE("an agent that holds more than its slots gets nothing until it is below them") {
    Cluster cluster;
    const JobId waiting = cluster.submit({.language = "c"});
    std::vector<AttemptId> held;
    for (std::uint64_t i = 0; i < 3; ++i) held.push_back({job_number(1'000 + i), 1});
    cluster.join("lab-1", {.slots = 2, .held = held});
    for (const AttemptId& id : held) {
      if (cluster.running(waiting)) break;
      Finished result = ran();
      result.id = id;
      cluster.tell("lab-1", result);
      CHECK(cluster.view("lab-1").running == 2);
    }
    CHECK(cluster.running(waiting));
  }

  TEST_CASE("a repeated hello on the same link keeps everything") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.feed(FromAgent{link, hello_of("lab-1", {})});
    CHECK(cluster.sent<Welcome>(link).size() == 1);
    CHECK(cluster.agent_of(id) == "lab-1");
    CHECK(cluster.view("lab-1").running == 1);
    CHECK(cluster.job(id).attempts.size() == 1);
  }

  TEST_CASE("a repeated hello tells what the sandbox has become meanwhile") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1", {.languages = {}});
    const JobId id = cluster.submit();
    CHECK(cluster.job(id).state == JobState::queued);
    cluster.feed(FromAgent{link, hello_of("lab-1", {})});
    CHECK(cluster.agent_of(id) == "lab-1");
  }

  TEST_CASE("another instance under a connected name is refused, and the old link is probed") {
    Cluster cluster;
    const LinkId old = cluster.join("lab-1");
    const JobId id = cluster.submit();
    const LinkId link = 77;
    cluster.feed(FromAgent{link, hello_of("lab-1", {.instance = 2})});
    REQUIRE(cluster.sent<Refused>(link).size() == 1);
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::name_in_use);
    CHECK(cluster.sent<Heartbeat>(old).size() == 1);
    CHECK(cluster.agent_of(id) == "lab-1");
    // The probe found the old connection dead: the next hello is accepted.
    cluster.feed(LinkGone{old});
    cluster.feed(FromAgent{link, hello_of("lab-1", {.instance = 2})});
    CHECK(cluster.sent<Welcome>(link).size() == 1);
  }

  TEST_CASE("the same instance on a new link takes over from its old one") {
    Cluster cluster;
    const LinkId old = cluster.join("lab-1");
    const JobId kept = cluster.submit();
    const LinkId link = cluster.join("lab-1", {.held = {cluster.current(kept)}});
    CHECK(cluster.sent<Welcome>(link).size() == 1);
    CHECK(cluster.agent_of(kept) == "lab-1");
    cluster.feed(LinkGone{old});  // says nothing about the new one
    CHECK(cluster.view("lab-1").state == AgentState::active);
    cluster.feed(FromAgent{old, Heartbeat{}});
    CHECK(cluster.sent<Refused>(old).size() == 1);
  }

  TEST_CASE("a link that takes another name gives up the first") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.feed(FromAgent{link, hello_of("lab-2", {.slots = 2})});
    cluster.links = {{"lab-2", link}};
    CHECK(cluster.view("lab-1").state == AgentState::lost);
    cluster.pass(20'000);
    CHECK(cluster.agent_of(id) == "lab-2");
    CHECK(cluster.view("lab-2").state == AgentState::active);
    cluster.finish(id);
    CHECK(cluster.answers(id).size() == 1);
  }

  TEST_CASE("what an agent came back without was forgotten: run again, not counted") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    for (std::size_t i = 0; i < 5; ++i) {
      cluster.join("lab-1");
      CHECK(cluster.job(id).attempts[i].ending == Ending::forgotten);
      // The same process: it never began, so its slot is free and it may have it at once.
      REQUIRE(cluster.agent_of(id) == "lab-1");
      CHECK(cluster.view("lab-1").running == 1);
    }
  }

  TEST_CASE("what an agent's past life ran may run on, so its slot stays taken for a while") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId id = cluster.submit();
    cluster.feed(LinkGone{cluster.links["lab-1"]});
    const MonoMs ghost = ghost_ms(cluster.settings, kDefaultCputimeSeconds);
    SUBCASE("a new process") {
      cluster.join("lab-1", {.slots = 2, .instance = 2});
      cluster.pass(1'000);
      CHECK(cluster.agent_of(id) == "lab-1");  // into the other slot
      SUBCASE("connected once") {}
      SUBCASE("connected anew") {
        cluster.join("lab-1", {.slots = 2, .instance = 2, .held = {cluster.current(id)}});
      }
      const JobId next = cluster.submit();
      cluster.pass(ghost - 2'000);
      CHECK(cluster.job(next).state == JobState::queued);
      cluster.pass(2'000);
      CHECK(cluster.agent_of(next) == "lab-1");
    }
    SUBCASE("the same process") {
      cluster.join("lab-1", {.slots = 2});
      cluster.pass(1'000);
      CHECK(cluster.running(id));
      CHECK(cluster.running(cluster.submit()));
    }
  }

  TEST_CASE("a hello that was said before an assignment came does not free its slot") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1", {.slots = 1});
    const JobId id = cluster.submit();
    cluster.silent = {"lab-1"};
    cluster.pass(cluster.settings.silence_ms + cluster.settings.heartbeat_ms);
    REQUIRE(cluster.view("lab-1").state == AgentState::lost);
    cluster.silent.clear();
    // It had said this while no Welcome came; the assignment is on its way on the same connection.
    cluster.feed(FromAgent{link, hello_of("lab-1", {.slots = 1})});
    CHECK(cluster.view("lab-1").running == 1);
    CHECK(cluster.job(id).state == JobState::queued);
    SUBCASE("it did not come") {
      cluster.pass(ghost_ms(cluster.settings, kDefaultCputimeSeconds));
      CHECK(cluster.agent_of(id) == "lab-1");
    }
    SUBCASE("another connection begins") {
      cluster.join("lab-1", {.slots = 1});
      CHECK(cluster.agent_of(id) == "lab-1");
    }
  }

  TEST_CASE("a run that nobody waits for may go on in the sandbox: its slot stays taken") {
    for (const Ending ending : {Ending::cut, Ending::timed_out}) {
      Cluster cluster;
      cluster.join("lab-1");
      cluster.join("lab-2", {.languages = {"java"}});
      cluster.finish(cluster.submit(), ended(ending));
      const JobId next = cluster.submit();
      cluster.pass(1'000);
      CHECK(cluster.job(next).state == JobState::queued);
      cluster.pass(ghost_ms(cluster.settings, kDefaultCputimeSeconds));
      CHECK(cluster.view("lab-1").running == 1);
    }
  }

  TEST_CASE("a draining agent gets nothing more, finishes, and leaves") {
    Cluster cluster;
    cluster.join("lab-1", {.slots = 2});
    const JobId id = cluster.submit();
    cluster.tell("lab-1", Draining{});
    CHECK(cluster.view("lab-1").state == AgentState::draining);
    const JobId next = cluster.submit();
    CHECK(cluster.job(next).state == JobState::queued);
    cluster.pass(10'000);
    CHECK(cluster.view("lab-1").state == AgentState::draining);
    cluster.finish(id);
    CHECK(cluster.answers(id).size() == 1);
    cluster.tell("lab-1", Bye{});
    CHECK(cluster.view("lab-1").state == AgentState::left);
    CHECK(cluster.core.snapshot(cluster.now).slots == 0);
    CHECK(cluster.core.snapshot(cluster.now).known_languages.size() == 1);
    CHECK(cluster.job(next).state == JobState::queued);
  }

  TEST_CASE("a sandbox that is down gets nothing, and its languages stay known") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.tell("lab-1", SandboxReport{{}, "connection refused"});
    CHECK(cluster.of<SaveAgent>().empty());
    CHECK(cluster.of<Note>().size() == 1);
    CHECK(cluster.view("lab-1").reason == "connection refused");
    const Snapshot snapshot = cluster.core.snapshot(cluster.now);
    CHECK(snapshot.languages.empty());
    CHECK(snapshot.slots == 0);
    CHECK(snapshot.known_languages == std::vector<std::string>{"c"});
    const JobId id = cluster.submit();
    CHECK(cluster.job(id).state == JobState::queued);
    cluster.tell("lab-1", SandboxReport{{{"c", "1"}}, ""});
    CHECK(cluster.running(id));
  }

  TEST_CASE("time in which the master itself stood still is not held against its agents") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.pass(1'000);
    cluster.advance(60'000);
    cluster.tick();
    CHECK(cluster.view("lab-1").state == AgentState::active);
    CHECK(cluster.agent_of(id) == "lab-1");
    cluster.silent = {"lab-1"};
    cluster.pass(6'000);
    CHECK(cluster.view("lab-1").state == AgentState::lost);
  }

  TEST_CASE("an agent that says goodbye had not begun what was on its way to it") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit();
    cluster.join("lab-2");
    cluster.tell("lab-1", Bye{});
    CHECK(cluster.job(id).attempts[0].ending == Ending::forgotten);
    CHECK(cluster.agent_of(id) == "lab-2");
    CHECK(cluster.view("lab-1").running == 0);
  }

  TEST_CASE("a frame that is no message is noted and changes nothing") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    cluster.feed(BadFrame{link, "not msgpack"});
    REQUIRE(cluster.of<Note>().size() == 1);
    CHECK(cluster.of<Note>()[0].text.find("agent=lab-1") != std::string::npos);
    cluster.feed(BadFrame{99, "not msgpack"});
    CHECK(cluster.of<Note>()[0].text.find("agent=unknown") != std::string::npos);
    CHECK(cluster.view("lab-1").state == AgentState::active);
  }
}
