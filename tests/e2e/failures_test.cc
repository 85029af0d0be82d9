// Machines die: agents and masters killed with -9, sandboxes that come late, orderly stops.
#include <doctest/doctest.h>
#include <signal.h>

#include <set>

#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

TEST_SUITE("e2e failures") {
  TEST_CASE("an agent killed in mid-run: the run is answered from another") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    cluster.add_host("lab-2", 1);
    const std::string id = cluster.submit("python3", "import time; time.sleep(3); print('done')");
    REQUIRE(eventually(5'000, [&] { return cluster.job(id)["state"] == "running"; }));
    const std::string first = cluster.job(id)["agent"];
    cluster.agent_process(first).kill_now();
    Reply reply;
    CHECK(eventually(30'000, [&] { return (reply = cluster.result(id)).status == 200; }));
    CHECK(reply.json()["stdout"] == "done\n");
    const auto job = cluster.job(id);
    REQUIRE(job["timeline"].size() == 2);
    CHECK(job["timeline"][0]["agent"] == first);
    CHECK(job["timeline"][0]["ending"] == "agent lost");
    CHECK(job["timeline"][1]["agent"] != first);
    CHECK(cluster.agent(first)["state"] == "lost");
  }

  TEST_CASE("a silent agent loses its run, and its late result is not delivered") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    cluster.add_host("lab-2", 1);
    const std::string id =
        cluster.submit("python3", "import time, os; time.sleep(2); print('done')",
                       {{"parameters", {{"cputime", 5}}}});
    REQUIRE(eventually(5'000, [&] { return cluster.job(id)["state"] == "running"; }));
    const std::string first = cluster.job(id)["agent"];
    cluster.agent_process(first).signal(SIGSTOP);
    CHECK(eventually(30'000, [&] { return cluster.result(id).status == 200; }));
    CHECK(cluster.job(id)["agent"] != first);
    cluster.agent_process(first).signal(SIGCONT);
    CHECK(eventually(20'000, [&] { return cluster.agent(first)["state"] == "active"; }));
    CHECK(eventually(20'000, [&] { return cluster.status()["late_results"] == 1; }));
    CHECK(cluster.result(id).json()["stdout"] == "done\n");
    CHECK(eventually(10'000, [&] { return cluster.agent(first)["running"] == 0; }));
  }

  TEST_CASE("an agent restarted at once is welcomed again under its name") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    cluster.agent_process("lab-1").kill_now();
    auto again = cluster.start_agent("lab-1", cluster.sandbox("lab-1").address, {"--slots", "1"});
    again->wait_ready();
    CHECK(cluster.run("python3", "print(1)").json()["stdout"] == "1\n");
  }

  TEST_CASE("a program that a killed agent left running keeps its slot") {
    Cluster cluster;
    cluster.add_host("lab-1", 1, 4);
    const nlohmann::json limit = {{"parameters", {{"cputime", 2}}}};
    const std::string first =
        cluster.submit("python3", "import time; time.sleep(3); print('first')", limit);
    REQUIRE(eventually(5'000, [&] { return cluster.sandbox_stats("lab-1")["running"] == 1; }));
    cluster.agent_process("lab-1").kill_now();
    auto again = cluster.start_agent("lab-1", cluster.sandbox("lab-1").address, {"--slots", "1"});
    again->wait_ready();
    const std::string second = cluster.submit("python3", "print('second')", limit);
    CHECK(eventually(60'000, [&] { return cluster.result(second).status == 200; }));
    CHECK(eventually(60'000, [&] { return cluster.result(first).status == 200; }));
    CHECK(cluster.result(first).json()["stdout"] == "first\n");
    CHECK(cluster.sandbox_stats("lab-1")["max_running"] == 1);
  }

  TEST_CASE("two agents with one name: the second is refused and says so once") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    auto second = cluster.start_agent("lab-1", cluster.sandbox("lab-1").address,
                                      {"--slots", "1", "--data", cluster.folder() + "/other"});
    REQUIRE(eventually(10'000, [&] {
      return second->err().find("another agent named lab-1 is connected") != std::string::npos;
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500));  // two more tries
    const std::string err = second->err();
    CHECK(err.find("another agent named") == err.rfind("another agent named"));
    CHECK(cluster.run("python3", "print(1)").status == 200);
  }

  TEST_CASE("the master killed with 50 asynchronous runs: all answered exactly once") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    cluster.add_host("lab-2", 2);
    std::vector<std::string> ids;
    for (int i = 0; i < 50; ++i) {
      ids.push_back(cluster.submit(
          "python3", "import time; time.sleep(0.3); print(" + std::to_string(i) + ")"));
    }
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 50);
    REQUIRE(cluster.status()["running"] > 0);
    REQUIRE(cluster.status()["queued"] > 10);
    cluster.restart_master();
    std::size_t answered = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Reply reply;
      CHECK(eventually(60'000, [&] { return (reply = cluster.result(ids[i])).status != 204; }));
      CHECK(reply.status == 200);
      if (reply.status != 200) continue;
      answered += reply.json()["stdout"] == std::to_string(i) + "\n" ? 1 : 0;
    }
    CHECK(answered == 50);
    const auto jobs = http("GET", cluster.ops("/api/v1/jobs?limit=1000")).json()["jobs"];
    CHECK(jobs.size() == 50);
    CHECK(eventually(2'000, [&] { return cluster.status()["queued"] == 0; }));
    // A run that an agent held over the restart was adopted, not begun again.
    int runs = 0;
    for (const char* name : {"lab-1", "lab-2"}) {
      runs += cluster.sandbox_stats(name)["runs"].get<int>();
    }
    CHECK(runs == 50);
  }

  TEST_CASE("a result that finished while the master was away is kept and told") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string id = cluster.submit("python3", "import time; time.sleep(1); print('kept')");
    REQUIRE(eventually(5'000, [&] { return cluster.job(id)["state"] == "running"; }));
    cluster.master().kill_now();
    // The agent notices the silence, keeps the result on disk, and is killed as well.
    REQUIRE(eventually(20'000, [&] {
      return cluster.agent_process("lab-1").err().find("link=down") != std::string::npos;
    }));
    REQUIRE(eventually(10'000, [&] { return cluster.sandbox_stats("lab-1")["running"] == 0; }));
    cluster.agent_process("lab-1").kill_now();
    cluster.restart_master();
    auto again = cluster.start_agent("lab-1", cluster.sandbox("lab-1").address, {"--slots", "1"});
    again->wait_ready();
    Reply reply;
    CHECK(eventually(30'000, [&] { return (reply = cluster.result(id)).status == 200; }));
    CHECK(reply.json()["stdout"] == "kept\n");
    CHECK(cluster.sandbox_stats("lab-1")["runs"] == 1);
  }

  TEST_CASE("a sandbox that is down at the start and comes later") {
    Cluster cluster;
    // A port that was free a moment ago.
    Sandbox chosen = cluster.start_sandbox(1);
    const std::string address = chosen.address;
    chosen.process->kill_now();
    auto agent = cluster.start_agent("lab-1", address, {"--slots", "1"});
    agent->wait_ready();
    CHECK(cluster.agent("lab-1")["reason"] != "");
    CHECK(http("GET", cluster.jobe("languages")).json().empty());
    Sandbox sandbox = cluster.start_sandbox(1, address);
    CHECK(
        eventually(15'000, [&] { return !http("GET", cluster.jobe("languages")).json().empty(); }));
    CHECK(cluster.run("python3", "print(1)").json()["stdout"] == "1\n");
    // It goes in the middle of a run: the run waits for it and is done when it is back.
    const std::string id = cluster.submit("python3", "import time; time.sleep(1); print('again')");
    REQUIRE(eventually(5'000, [&] { return cluster.job(id)["state"] == "running"; }));
    // Not in the middle of starting the program: bubblewrap itself can stay behind then.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    sandbox.process->kill_now();
    sandbox = Sandbox{};
    Sandbox back = cluster.start_sandbox(1, address);
    Reply reply;
    // The only slot stays taken for as long as the program may have run on.
    CHECK(eventually(60'000, [&] { return (reply = cluster.result(id)).status == 200; }));
    CHECK(reply.json()["stdout"] == "again\n");
    const std::string err = agent->err();
    const auto said = err.find("sandbox=down");
    CHECK(said != std::string::npos);
  }

  TEST_CASE("an agent that is added while jobs wait is put to work at once") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    cluster.agent_process("lab-1").signal(SIGTERM);
    CHECK(cluster.agent_process("lab-1").wait_exit(20'000) == 0);
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      ids.push_back(cluster.submit("python3", "import time; time.sleep(2); print('x')"));
    }
    CHECK(eventually(5'000, [&] { return cluster.status()["queued"] == 3; }));
    // Nothing ends and nobody asks for anything: its hello alone must do.
    cluster.add_host("lab-2", 2);
    CHECK(eventually(5'000, [&] { return cluster.agent("lab-2")["running"] == 2; }));
    for (const auto& id : ids) {
      CHECK(eventually(60'000, [&] { return cluster.result(id).status == 200; }));
    }
  }

  TEST_CASE("an agent that starts before its master keeps trying and says so once") {
    Cluster cluster;
    Sandbox sandbox = cluster.start_sandbox(1);
    cluster.master().kill_now();
    auto agent = cluster.start_agent("lab-1", sandbox.address, {"--slots", "1"});
    const auto said = [&] { return agent->err().find("link=down reason=\"no answer\""); };
    CHECK(eventually(10'000, [&] { return said() != std::string::npos; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500));  // more tries
    CHECK(said() == agent->err().rfind("link=down"));
    cluster.restart_master();
    agent->wait_ready();
    CHECK(cluster.run("python3", "print(1)").status == 200);
  }

  TEST_CASE("SIGTERM to the master answers who waits; to the agent finishes what runs") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    Reply reply;
    std::thread client(
        [&] { reply = cluster.run("python3", "import time; time.sleep(1.5); print('drained')"); });
    CHECK(eventually(5'000, [&] { return cluster.status()["running"] == 1; }));
    cluster.master().signal(SIGTERM);
    CHECK(cluster.master().wait_exit(20'000) == 0);
    client.join();
    CHECK(reply.status == 200);
    CHECK(reply.body.find("drained") != std::string::npos);

    cluster.restart_master();
    CHECK(eventually(15'000, [&] { return cluster.agent("lab-1")["state"] == "active"; }));
    const std::string id = cluster.submit("python3", "import time; time.sleep(1.5); print('x')");
    CHECK(eventually(5'000, [&] { return cluster.job(id)["state"] == "running"; }));
    cluster.agent_process("lab-1").signal(SIGTERM);
    CHECK(cluster.agent_process("lab-1").wait_exit(20'000) == 0);
    CHECK(cluster.result(id).status == 200);
    CHECK(eventually(2'000, [&] { return cluster.agent("lab-1")["state"] == "left"; }));
  }

  TEST_CASE("a second SIGTERM stops at once") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    std::thread client([&] {
      [[maybe_unused]] const Reply cut = cluster.run("python3", "import time; time.sleep(8)");
    });
    CHECK(eventually(5'000, [&] { return cluster.status()["running"] == 1; }));
    for (Process* process : {&cluster.agent_process("lab-1"), &cluster.master()}) {
      process->signal(SIGTERM);
      CHECK_FALSE(process->wait_exit(300).has_value());
      process->signal(SIGTERM);
      CHECK(process->wait_exit(2'000).has_value());
    }
    client.join();
  }
}
