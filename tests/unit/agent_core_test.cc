// The agent's core: its link, its sandbox, its runs. Master and sandbox are played by hand; time is
// a number.
#include <doctest/doctest.h>

#include "tests/unit/played_agent.h"

using namespace docket;
using namespace docket::agent;
using namespace docket::agent::test;

TEST_SUITE("agent core: link") {
  TEST_CASE("hello waits for the first probe, and is repeated until it is answered") {
    Played agent;
    agent.tick();
    CHECK(agent.of<Probe>().size() == 1);
    CHECK(agent.told<Hello>().empty());
    agent.pass(5'000, false);
    CHECK(agent.quiet());  // one probe at a time, and nothing without its answer
    agent.feed(Probed{kC, ""});
    agent.tick();
    REQUIRE(agent.told<Hello>().size() == 1);
    const Hello hello = agent.told<Hello>()[0];
    CHECK(hello.protocol == kProtocolVersion);
    CHECK(hello.name == "lab-1");
    CHECK(hello.instance == 7);
    CHECK(hello.version == "1.0");
    CHECK(hello.slots == 2);
    CHECK(hello.weight_percent == 100);
    CHECK(hello.languages == kC);
    CHECK(hello.held.empty());
    agent.pass(2'999, false);
    CHECK(agent.told<Hello>().size() == 2);
    CHECK(agent.of<Note>().empty());
    agent.pass(1, false);
    CHECK(agent.of<Note>().size() == 1);  // that no answer comes
    agent.pass(10'000, false);
    CHECK(agent.told<Hello>().size() == 10);
    CHECK(agent.of<Note>().empty());  // said once
    agent.welcome();
    CHECK(agent.of<Ready>().size() == 1);
    agent.pass(10'000);
    CHECK(agent.told<Hello>().empty());
    agent.welcome();
    CHECK(agent.quiet());  // a second answer to a repeated hello
  }

  TEST_CASE("an agent whose sandbox is down says hello all the same") {
    Played agent;
    agent.tick();
    agent.feed(Probed{{}, "connection refused"});
    agent.tick();
    REQUIRE(agent.told<Hello>().size() == 1);
    CHECK(agent.told<Hello>()[0].languages.empty());
    CHECK(agent.told<Hello>()[0].sandbox_problem == "connection refused");
  }

  TEST_CASE("a heartbeat is sent when there is nothing else to say") {
    Played agent;
    agent.join();
    agent.pass(10'000);
    CHECK(agent.told<Heartbeat>().size() == 10);
  }

  TEST_CASE("it tells how its host fares, and how loaded it was during each run") {
    Played agent;
    agent.join();
    CHECK(agent.of<SampleHost>().empty());  // asked for at the start, one at a time
    agent.feed(HostSampled{{4, 25, 2'048, 512}});
    REQUIRE(agent.told<HostReport>().size() == 1);
    CHECK(agent.told<HostReport>()[0] == HostReport{4, 25, 2'048, 512, agent.now.wall});
    agent.pass(1'999);
    CHECK(agent.of<SampleHost>().empty());
    agent.pass(1);
    CHECK(agent.of<SampleHost>().size() == 1);
    agent.feed(HostSampled{{4, 25, 2'048, 512}});

    agent.hear(agent.order(attempt(1)));
    for (const std::uint32_t load : {100u, 200u, 300u}) {  // looks more often while it runs
      agent.pass(250);
      CHECK(agent.of<SampleHost>().size() == 1);
      agent.feed(HostSampled{{4, load, 2'048, 512}});
      CHECK(agent.told<HostReport>().empty());
    }
    agent.feed(run_answer(attempt(1)));
    CHECK(only_result(agent).load_percent == 200);
    agent.hear(agent.order(attempt(2)));
    agent.feed(run_answer(attempt(2)));
    CHECK(only_result(agent).load_percent == 0);  // too short to be measured
  }

  TEST_CASE("a silent master: a new connection and a new hello with what is held") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.pass(4'999, false);
    CHECK(agent.of<Reconnect>().empty());
    agent.pass(1, false);
    CHECK(agent.of<Reconnect>().size() == 1);
    REQUIRE(agent.told<Hello>().size() == 1);
    CHECK(agent.told<Hello>()[0].held == std::vector<AttemptId>{attempt(1)});
    CHECK(agent.of<Note>().size() == 1);  // down, said once
    agent.pass(5'000, false);
    CHECK(agent.of<Reconnect>().empty());
    CHECK(agent.told<Hello>().size() == 5);
    agent.welcome();
    CHECK(agent.of<Ready>().empty());  // only the first time
  }

  TEST_CASE("refused: each reason has its own patience, and is said once") {
    struct Expected {
      Refusal code;
      MonoMs next_hello_ms;
      std::size_t notes;
    };
    for (const auto& expected :
         {Expected{Refusal::say_hello, 0, 0}, Expected{Refusal::name_in_use, 1'000, 1},
          Expected{Refusal::protocol_version, 10'000, 1},
          Expected{Refusal::bad_hello, 10'000, 1}}) {
      CAPTURE(static_cast<int>(expected.code));
      Played agent;
      agent.join();
      agent.hear(Refused{expected.code, "because"});
      CHECK(agent.of<Note>().size() == expected.notes);
      agent.hear(Refused{expected.code, "because"});
      CHECK(agent.of<Note>().empty());
      if (expected.next_hello_ms > 0) {
        agent.pass(expected.next_hello_ms - 1, false);
        CHECK(agent.told<Hello>().empty());
        agent.now.mono += 1;
      }
      agent.tick();
      CHECK(agent.told<Hello>().size() == 1);
      CHECK(agent.told<Heartbeat>().empty());
    }
  }

  TEST_CASE("what was told but not taken is on disk when the master refuses the agent") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.feed(run_answer(attempt(1)));
    CHECK(agent.told<Finished>().size() == 1);
    agent.hear(Refused{Refusal::protocol_version, "upgrade"});
    CHECK(agent.of<Spool>().size() == 1);
    agent.hear(Refused{Refusal::protocol_version, "upgrade"});
    CHECK(agent.of<Spool>().empty());
  }

  TEST_CASE("a sandbox that changed between hello and welcome is reported after the welcome") {
    Played agent;
    agent.tick();
    agent.feed(Probed{{}, "connection refused"});
    agent.tick();
    REQUIRE(agent.told<Hello>().size() == 1);
    agent.feed(Probed{kC, ""});
    CHECK(agent.told<SandboxReport>().empty());
    agent.welcome();
    REQUIRE(agent.told<SandboxReport>().size() == 1);
    CHECK(agent.told<SandboxReport>()[0].languages == kC);
    agent.welcome();
    CHECK(agent.told<SandboxReport>().empty());
  }
}

TEST_SUITE("agent core: runs") {
  TEST_CASE("an assignment is posted, its answer told, and kept until Taken") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    const auto posts = agent.of<PostRun>();
    REQUIRE(posts.size() == 1);
    CHECK(posts[0].id == attempt(1));
    CHECK(posts[0].body == "body");
    CHECK(posts[0].timeout_ms == 70'000);
    CHECK(agent.core.running() == 1);
    agent.hear(agent.order(attempt(1)));  // the same again
    CHECK(agent.quiet());
    agent.now.mono += 300;
    agent.feed(run_answer(attempt(1)));
    const Finished result = only_result(agent);
    CHECK(result.id == attempt(1));
    CHECK(result.ending == Ending::ran);
    CHECK(result.http_status == 200);
    CHECK(result.outcome == 15);
    CHECK(result.body == "{}");
    CHECK(result.run_ms == 300);
    CHECK(result.push_ms == 0);
    CHECK(agent.of<Spool>().empty());
    CHECK(agent.core.running() == 0);

    agent.hear(Refused{Refusal::say_hello, ""});
    agent.tick();
    REQUIRE(agent.told<Hello>().size() == 1);
    CHECK(agent.told<Hello>()[0].held == std::vector<AttemptId>{attempt(1)});
    agent.welcome();
    CHECK(only_result(agent) == result);
    agent.hear(Taken{attempt(1)});
    agent.hear(Taken{attempt(1)});
    CHECK(agent.quiet());
    agent.hear(Refused{Refusal::say_hello, ""});
    agent.tick();
    CHECK(agent.told<Hello>()[0].held.empty());
  }

  TEST_CASE("a result is spooled while the link is down, and unspooled when it is taken") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.hear(agent.order(attempt(2)));
    agent.feed(run_answer(attempt(1)));  // told, never taken
    agent.pass(5'000, false);
    REQUIRE(agent.of<Spool>().size() == 1);
    CHECK(agent.of<Spool>()[0].result.id == attempt(1));
    agent.feed(run_answer(attempt(2)));
    REQUIRE(agent.of<Spool>().size() == 1);
    CHECK(agent.of<Spool>()[0].result.id == attempt(2));
    CHECK(agent.told<Finished>().empty());
    agent.welcome();
    CHECK(agent.told<Finished>().size() == 2);
    agent.hear(Taken{attempt(2)});
    REQUIRE(agent.of<Unspool>().size() == 1);
    CHECK(agent.of<Unspool>()[0].id == attempt(2));
  }

  TEST_CASE("results of an earlier life are held, and told after the welcome") {
    Played agent;
    Finished old;
    old.id = attempt(1);
    old.ending = Ending::ran;
    agent.feed(Recovered{{old}});
    agent.tick();
    agent.feed(Probed{kC, ""});
    agent.tick();
    CHECK(agent.told<Hello>()[0].held == std::vector<AttemptId>{attempt(1)});
    agent.welcome();
    CHECK(only_result(agent) == old);
    CHECK(agent.core.running() == 0);
    agent.hear(Taken{attempt(1)});
    CHECK(agent.of<Unspool>().size() == 1);
  }

  TEST_CASE("an assignment past its expiry by the master's clock is not started") {
    Played agent;
    agent.join();
    Assign late = agent.order(attempt(1));
    late.expires_ms = agent.master_ms() - 1;
    agent.hear(late);
    CHECK(agent.of<PostRun>().empty());
    CHECK(only_result(agent).ending == Ending::expired);
    Assign timely = agent.order(attempt(2));
    timely.expires_ms = agent.master_ms();
    agent.hear(timely);
    CHECK(agent.of<PostRun>().size() == 1);
  }

  TEST_CASE("the master's clock is learned from its quickest message since the welcome") {
    Played agent;
    agent.join();
    agent.hear(Heartbeat{agent.master_ms() - 3'000});  // was three seconds on its way
    Assign order = agent.order(attempt(1));
    order.expires_ms = agent.master_ms() - 1;
    agent.hear(order);
    CHECK(only_result(agent).ending == Ending::expired);
  }

  TEST_CASE("never more runs than slots") {
    Played agent(2);
    agent.join();
    for (std::uint64_t i = 1; i <= 3; ++i) agent.hear(agent.order(attempt(i)));
    CHECK(agent.of<PostRun>().empty());
    CHECK(only_result(agent).ending == Ending::expired);
    CHECK(agent.core.running() == 2);
    agent.feed(run_answer(attempt(1)));
    agent.hear(agent.order(attempt(4)));
    CHECK(agent.of<PostRun>().size() == 1);
  }

  TEST_CASE("endings and details are passed on as the sandbox's adapter judged them") {
    Played agent;
    agent.join();
    for (const Ending ending : {Ending::rejected, Ending::http_error, Ending::timed_out,
                                Ending::unreadable, Ending::files_missing}) {
      agent.hear(agent.order(attempt(1)));
      RunAnswered answer = run_answer(attempt(1), ending);
      answer.fault_signature = "runguard: ";
      agent.feed(answer);
      const Finished result = only_result(agent);
      CHECK(result.ending == ending);
      CHECK(result.detail == "connection refused");
      CHECK(result.fault_signature == "runguard: ");
      CHECK(agent.told<SandboxReport>().empty());
      agent.hear(Taken{attempt(1)});
    }
    agent.feed(run_answer(attempt(1)));
    CHECK(agent.quiet());  // an answer to nothing
  }
}

TEST_SUITE("agent core: sandbox") {
  TEST_CASE("a sandbox that cannot be reached is reported before the result, and probed") {
    for (const Ending ending : {Ending::unreachable, Ending::cut}) {
      Played agent;
      agent.join();
      agent.hear(agent.order(attempt(1)));
      agent.hear(agent.order(attempt(2)));
      agent.feed(run_answer(attempt(1), ending));
      const auto sends = agent.of<SendToMaster>();
      REQUIRE(sends.size() == 2);
      REQUIRE(std::holds_alternative<SandboxReport>(sends[0].message));
      const auto& report = std::get<SandboxReport>(sends[0].message);
      CHECK(report.languages.empty());
      CHECK(report.sandbox_problem == "connection refused");
      CHECK(std::get<Finished>(sends[1].message).ending == ending);
      CHECK(agent.of<Note>().size() == 1);
      agent.feed(run_answer(attempt(2), ending));
      CHECK(agent.told<SandboxReport>().empty());  // said once
      CHECK(agent.of<Note>().empty());
      agent.tick();
      CHECK(agent.of<Probe>().size() == 1);
      agent.feed(Probed{kC, ""});
      REQUIRE(agent.told<SandboxReport>().size() == 1);
      CHECK(agent.told<SandboxReport>()[0] == SandboxReport{kC, ""});
    }
  }

  TEST_CASE(
      "an overload names the slots in use and what to do, in the answer and once in the log") {
    Played agent(4);
    agent.join();
    for (const std::uint64_t number : {1, 2, 3}) agent.hear(agent.order(attempt(number)));
    RunAnswered overload = run_answer(attempt(1));
    overload.outcome = 21;
    agent.feed(overload);
    REQUIRE(agent.told<Finished>().size() == 1);
    CHECK(agent.told<Finished>()[0].detail.starts_with("3 of 4 slots were in use: "));
    CHECK(agent.told<Finished>()[0].detail.find("freeallusers.php") != std::string::npos);
    CHECK(agent.of<Note>().size() == 1);
    overload.id = attempt(2);
    agent.feed(overload);
    CHECK(agent.told<Finished>()[0].detail.starts_with("2 of 4 slots were in use: "));
    CHECK(agent.of<Note>().empty());
    agent.feed(run_answer(attempt(3)));
    CHECK(agent.told<Finished>()[0].detail.empty());
    overload.id = attempt(4);
    agent.hear(agent.order(attempt(4)));
    agent.feed(overload);
    CHECK(agent.of<Note>().size() == 1);  // it had run something since
  }

  TEST_CASE("a well sandbox is probed now and then, and only changes are told") {
    Played agent;
    agent.join();
    agent.pass(29'999);
    CHECK(agent.of<Probe>().empty());
    agent.pass(1);
    CHECK(agent.of<Probe>().size() == 1);
    agent.feed(Probed{kC, ""});
    CHECK(agent.quiet());
    agent.pass(30'000);
    CHECK(agent.of<Probe>().size() == 1);
    agent.feed(Probed{{{"c", "13"}}, ""});
    REQUIRE(agent.told<SandboxReport>().size() == 1);
    CHECK(agent.told<SandboxReport>()[0].languages[0].version == "13");
  }

  TEST_CASE("a sick sandbox is probed at growing, bounded distances") {
    Played agent;
    agent.join();
    agent.pass(30'000);
    std::vector<MonoMs> waits;
    for (int i = 0; i < 8; ++i) {
      agent.feed(Probed{{}, "HTTP 500"});
      CHECK(agent.of<Note>().size() == (i == 0 ? 1 : 0));
      const MonoMs since = agent.now.mono;
      do {
        agent.pass(1);
      } while (agent.of<Probe>().empty());
      waits.push_back(agent.now.mono - since);
    }
    CHECK(waits == std::vector<MonoMs>{500, 1'000, 2'000, 4'000, 5'000, 5'000, 5'000, 5'000});
    agent.feed(Probed{kC, ""});
    agent.pass(30'000);
    agent.feed(Probed{{}, "HTTP 500"});
    agent.pass(500);
    CHECK(agent.of<Probe>().size() == 1);  // from the beginning again
  }
}

TEST_SUITE("agent core: leaving") {
  TEST_CASE("a draining agent says so, ends its runs, says goodbye and stops") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.feed(Drain{});
    CHECK(agent.told<Draining>().size() == 1);
    CHECK(agent.of<Stop>().empty());
    agent.feed(run_answer(attempt(1)));
    CHECK(agent.of<Stop>().empty());  // the result is not taken yet
    agent.hear(Taken{attempt(1)});
    CHECK(agent.told<Bye>().size() == 1);
    CHECK(agent.of<Stop>().size() == 1);
    agent.tick();
    CHECK(agent.of<Stop>().empty());  // once
  }

  TEST_CASE("an idle agent that is told to drain stops at once") {
    Played agent;
    SUBCASE("welcomed") {
      agent.join();
      agent.feed(Drain{});
      CHECK(agent.told<Bye>().size() == 1);
    }
    SUBCASE("not welcomed") {
      agent.feed(Drain{});
      CHECK(agent.told<Bye>().empty());
    }
    CHECK(agent.of<Stop>().size() == 1);
  }

  TEST_CASE("an assignment that crosses the goodbye is not begun") {
    Played agent;
    agent.join();
    agent.feed(Drain{});
    REQUIRE(agent.of<Stop>().size() == 1);
    agent.hear(agent.order(attempt(1)));
    CHECK(agent.quiet());
  }

  TEST_CASE("without a master a drained agent leaves its results on disk") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.pass(5'000, false);
    agent.feed(Drain{});
    CHECK(agent.of<Stop>().empty());
    agent.feed(run_answer(attempt(1)));
    CHECK(agent.of<Spool>().size() == 1);
    CHECK(agent.of<Stop>().size() == 1);
    CHECK(agent.told<Bye>().empty());
  }

  TEST_CASE("a draining agent says so again after a new welcome") {
    Played agent;
    agent.join();
    agent.hear(agent.order(attempt(1)));
    agent.feed(Drain{});
    agent.pass(5'000, false);
    agent.welcome();
    CHECK(agent.told<Draining>().size() == 1);
  }

  TEST_CASE("a cancelled run is told when the sandbox is done with it, without its result") {
    Played agent(1);
    agent.join();
    Assign order = agent.order(attempt(1));
    order.files = {"abcdefgh"};
    agent.hear(order);
    agent.hear(Cancel{attempt(1)});
    CHECK(agent.last.empty());  // Jobe cannot stop it
    CHECK(agent.core.running() == 1);
    SUBCASE("it ran") {
      agent.feed(run_answer(attempt(1)));
    }
    SUBCASE("it lacked files: no more is begun") {
      agent.feed(run_answer(attempt(1), Ending::files_missing));
    }
    SUBCASE("its sandbox is overdue") {
      agent.feed(run_answer(attempt(1), Ending::timed_out));
    }
    const auto told = agent.told<Finished>();
    REQUIRE(told.size() == 1);
    CHECK(told[0].ending == Ending::cancelled);
    CHECK(told[0].body.empty());
    agent.hear(Taken{attempt(1)});
    CHECK(agent.core.running() == 0);
  }

  TEST_CASE("a cancelled run that waits for its files ends at once, one that is cut off says so") {
    Played agent(2);
    agent.join();
    Assign order = agent.order(attempt(1));
    order.files = {"abcdefgh"};
    agent.hear(order);
    agent.feed(run_answer(attempt(1), Ending::files_missing));
    agent.hear(Cancel{attempt(1)});
    REQUIRE(agent.told<Finished>().size() == 1);
    CHECK(agent.told<Finished>()[0].ending == Ending::cancelled);

    agent.hear(agent.order(attempt(2)));
    agent.hear(Cancel{attempt(2)});
    agent.feed(run_answer(attempt(2), Ending::cut));  // its program may run on
    REQUIRE(agent.told<Finished>().size() == 1);
    CHECK(agent.told<Finished>()[0].ending == Ending::cut);
    agent.hear(Cancel{attempt(9)});  // never heard of
    CHECK(agent.last.empty());
  }
}
