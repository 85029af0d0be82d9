// Hosts that fail by their own fault, each in its way: they are quarantined within few runs,
// clients never see their answers, and canary runs let them back once they are well.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/e2e/cluster.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;

namespace {

constexpr const char* kLanguages = R"([["c","12.2.0"],["python3","3.11.2"]])";

docket::http::Response well(const docket::http::Request& request) {
  const bool canary = request.body.find("docket canary") != std::string::npos;
  return ran(15, canary ? "docket canary 42\n" : "right\n");
}

docket::http::Response runguard_fault() {
  return answer(200, R"({"run_id":null,"outcome":11,"cmpinfo":"runguard: cannot start `sh': )"
                     R"(Resource temporarily unavailable\n","stdout":"","stderr":""})");
}

// A cluster with one host that is well and one whose sandbox answers as the test says.
struct Pair {
  explicit Pair(StubSandbox::Reply run, std::vector<std::string> master_options = {})
      : bad(speaking_two(std::move(run))),
        good(speaking_two([](const auto& request) { return well(request); })),
        cluster(std::move(master_options)) {
    one = cluster.start_agent("lab-1", bad.address(), {"--slots", "2"});
    two = cluster.start_agent("lab-2", good.address(), {"--slots", "2"});
    one->wait_ready();
    two->wait_ready();
  }

  static StubSandbox::Behaviour speaking_two(StubSandbox::Reply run) {
    return {.languages = [](const auto&) { return answer(200, kLanguages); },
            .run = std::move(run)};
  }

  // Programs that print "right", each another one.
  void run_right(int count) {
    for (int i = 0; i < count; ++i) {
      const Reply reply = cluster.run("python3", "print('program " + std::to_string(++sent) + "')");
      REQUIRE(reply.status == 200);
      CHECK(reply.json()["outcome"] == 15);
      CHECK(reply.json()["stdout"] == "right\n");
    }
  }

  bool comes_back() {
    return eventually(60'000, [&] { return cluster.agent("lab-1")["state"] == "active"; });
  }

  StubSandbox bad;
  StubSandbox good;
  Cluster cluster;
  std::unique_ptr<Process> one;
  std::unique_ptr<Process> two;
  int sent = 0;
};

// It fails as `fails` says, after some answers that were right, until it is mended. `reason` is
// part of what is said of it.
void check_sick_host(const StubSandbox::Reply& fails, const std::string& reason,
                     bool still_sick_when_probed = false) {
  std::atomic<bool> sick = false;
  Pair pair([&](const auto& request) { return sick ? fails(request) : well(request); });
  pair.run_right(4);
  const int before = pair.bad.runs();
  CHECK(before > 0);
  sick = true;
  pair.run_right(20);
  const auto quarantined = pair.cluster.agent("lab-1");
  CHECK(quarantined["state"] == "quarantined");
  CHECK(quarantined["reason"].get<std::string>().find(reason) != std::string::npos);
  CHECK(quarantined["host_faults"] >= 3);
  CHECK(pair.cluster.status()["summary"].get<std::string>().find("lab-1 is quarantined") !=
        std::string::npos);
  CHECK(pair.cluster.agent("lab-2")["state"] == "active");
  CHECK(pair.cluster.agent("lab-2")["host_faults"] == 0);
  const int seen = pair.bad.runs() - before;
  CHECK(seen <= 6);  // three programs, and their canaries

  if (still_sick_when_probed) {
    CHECK(eventually(15'000, [&] { return pair.bad.runs() - before > seen; }));
    CHECK(pair.cluster.agent("lab-1")["state"] != "active");
  }
  const int until_mended = pair.bad.runs();
  sick = false;
  CHECK(pair.comes_back());
  CHECK(pair.bad.runs() >= until_mended + 2);  // a canary in each language
  pair.run_right(4);
}

}  // namespace

TEST_SUITE("e2e sick hosts") {
  TEST_CASE("its run guard fails: outcome 11") {
    check_sick_host([](const auto&) { return runguard_fault(); }, "runguard: cannot start", true);
  }

  TEST_CASE("it answers 500") {
    check_sick_host(
        [](const auto&) { return answer(500, "\"Server exception (mkdir(): File exists)\""); },
        "HTTP 500");
  }

  TEST_CASE("it answers with half a result") {
    check_sick_host([](const auto&) { return answer(200, R"({"run_id":null,"outcome":15,"cmp)"); },
                    "unreadable");
  }

  TEST_CASE("it says that it is overloaded, always: what to do is told") {
    check_sick_host([](const auto&) { return ran(21); }, "freeallusers.php");
  }

  TEST_CASE("it loses what programs print") {
    check_sick_host([](const auto&) { return ran(15, ""); }, "no output");
  }

  TEST_CASE("it refuses connections") {
    Pair pair([](const auto& request) { return well(request); });
    pair.run_right(2);
    pair.bad.refuse_connections();
    pair.run_right(10);
    REQUIRE(eventually(
        10'000, [&] { return !pair.cluster.agent("lab-1")["reason"].get<std::string>().empty(); }));
    CHECK(pair.cluster.agent("lab-1")["languages"].empty());
    CHECK(pair.cluster.agent("lab-1")["host_faults"] == 0);  // nothing began there
    pair.bad.serve_again();
    CHECK(eventually(20'000, [&] { return !pair.cluster.agent("lab-1")["languages"].empty(); }));
    const int before = pair.bad.runs();
    pair.run_right(4);
    CHECK(pair.bad.runs() > before);
  }

  TEST_CASE("it gives no answer: its runs go elsewhere when their leases end") {
    std::atomic<bool> sick = true;
    Pair pair(
        [&](const auto& request) -> std::optional<docket::http::Response> {
          if (sick) return std::nullopt;
          return well(request);
        },
        {"--lease", "1"});
    std::vector<std::string> ids;
    const auto quarantined = [&] {
      ids.push_back(pair.cluster.submit("python3", "program " + std::to_string(ids.size()),
                                        {{"parameters", {{"cputime", 1}}}}));
      return pair.cluster.agent("lab-1")["state"] == "quarantined";
    };
    REQUIRE(eventually(90'000, quarantined));
    CHECK(pair.cluster.agent("lab-1")["reason"].get<std::string>().find("timed out") !=
          std::string::npos);
    CHECK(pair.bad.runs() <= 5);
    for (const std::string& id : ids) {
      Reply reply;
      REQUIRE(eventually(60'000, [&] { return (reply = pair.cluster.result(id)).status == 200; }));
      CHECK(reply.json()["stdout"] == "right\n");
    }
    sick = false;
    CHECK(pair.comes_back());
  }

  TEST_CASE("it is slow: it gets less, and its right answers are told") {
    std::mutex adding;
    std::vector<std::thread> programs;
    StubSandbox* sandbox = nullptr;
    {
      Pair pair([&](const auto& request) -> std::optional<docket::http::Response> {
        const std::lock_guard lock(adding);
        programs.emplace_back([&sandbox, id = request.id, late = well(request)] {
          std::this_thread::sleep_for(std::chrono::seconds(1));
          sandbox->respond(id, late);
        });
        return std::nullopt;
      });
      sandbox = &pair.bad;
      std::vector<std::string> bodies;
      for (int i = 0; i < 40; ++i) bodies.push_back(run_body("python3", std::to_string(i)));
      for (const Reply& reply : post_all(pair.cluster.jobe("runs"), bodies)) {
        REQUIRE(reply.status == 200);
        CHECK(reply.json()["stdout"] == "right\n");
      }
      CHECK(pair.bad.runs() > 0);
      CHECK(pair.bad.runs() < pair.good.runs());
      CHECK(pair.cluster.agent("lab-1")["state"] == "active");
      CHECK(pair.cluster.agent("lab-1")["host_faults"] == 0);
      for (std::thread& program : programs) program.join();
    }
  }

  TEST_CASE("programs that print nothing are answered, on one host too") {
    std::atomic<bool> sick = false;
    StubSandbox only({.run = [&](const auto& request) {
      const bool prints = request.body.find("print") != std::string::npos;
      return sick || !prints ? ran(15, "") : well(request);
    }});
    Cluster cluster;
    auto agent = cluster.start_agent("lab-1", only.address(), {"--slots", "2"});
    agent->wait_ready();
    for (int i = 0; i < 5; ++i) {
      const Reply reply = cluster.run("python3", "x = " + std::to_string(i));
      CHECK(reply.json()["outcome"] == 15);
      CHECK(reply.json()["stdout"] == "");
    }
    CHECK(only.runs() == 10);  // each with its canary
    CHECK(cluster.agent("lab-1")["host_faults"] == 0);
    // Where no other host can help, no mark is better than a wrong one.
    sick = true;
    CHECK(cluster.run("python3", "print(1)").json()["outcome"] == 20);
  }

  TEST_CASE("a compiler killed for its time is given another try, once") {
    constexpr const char* kTimeUp =
        R"x({"run_id":null,"outcome":11,"cmpinfo":"/jobe/runguard: warning: timelimit exceeded )x"
        R"x((wall time): aborting command\n/jobe/runguard: warning: command terminated with )x"
        R"x(signal 15\n","stdout":"","stderr":""})x";
    std::atomic<int> compiled = 0;
    const auto busy = [&](const auto& request) {
      if (request.body.find("endless") != std::string::npos) return answer(200, kTimeUp);
      return ++compiled == 1 ? answer(200, kTimeUp) : well(request);
    };
    StubSandbox only({.run = busy});
    Cluster cluster;
    auto agent = cluster.start_agent("lab-1", only.address(), {"--slots", "1"});
    agent->wait_ready();
    const Reply reply = cluster.run("python3", "print(1)");
    CHECK(reply.json()["stdout"] == "right\n");
    const auto job = cluster.job(reply.json()["run_id"].get<std::string>());
    REQUIRE(job["timeline"].size() == 2);
    CHECK(job["timeline"][0]["ending"] == "doubted");
    CHECK(job["timeline"][0]["detail"].get<std::string>().find("run once more") !=
          std::string::npos);
    CHECK(cluster.run("python3", "endless").json()["outcome"] == 11);
    CHECK(only.runs() == 4);
    CHECK(cluster.agent("lab-1")["host_faults"] == 0);
  }

  TEST_CASE("a program that kills each sandbox it meets is set aside, and takes no host out") {
    Cluster cluster;
    const std::vector<std::string> hosts = {"lab-1", "lab-2", "lab-3"};
    for (const std::string& host : hosts) cluster.add_host(host, 2);
    const std::string killer = cluster.submit("python3", "import time; time.sleep(60)",
                                              {{"parameters", {{"cputime", 20}}}});
    std::size_t killed = 0;
    const auto play_killer = [&] {
      const auto job = cluster.job(killer);
      if (job["state"] == "failed") return true;
      if (job["state"] != "running" || job["timeline"].size() <= killed) return false;
      const std::string host = job["agent"];
      // Only when the program is there: a refused connection is no attempt.
      if (cluster.sandbox_stats(host)["running"] == 0) return false;
      Sandbox& sandbox = cluster.sandbox(host);
      sandbox.process->kill_now();
      ++killed;
      sandbox = cluster.start_sandbox(2, sandbox.address);
      return false;
    };
    REQUIRE(eventually(60'000, play_killer));
    CHECK(killed == 3);
    CHECK(cluster.result(killer).json()["outcome"] == 20);
    for (const std::string& host : hosts) {
      REQUIRE(eventually(20'000, [&] { return !cluster.agent(host)["languages"].empty(); }));
      CHECK(cluster.agent(host)["state"] == "active");
      CHECK(cluster.agent(host)["host_faults"] == 1);
    }
    CHECK(cluster.run("python3", "print(6 * 7)").json()["stdout"] == "42\n");
  }

  TEST_CASE("the last host of a language is kept, degraded") {
    std::atomic<bool> sick = true;
    StubSandbox only(
        {.run = [&](const auto& request) { return sick ? runguard_fault() : well(request); }});
    Cluster cluster;
    auto agent = cluster.start_agent("lab-1", only.address(), {"--slots", "1"});
    agent->wait_ready();
    for (int i = 0; i < 3; ++i) {
      const Reply reply = cluster.run("python3", "print('program " + std::to_string(i) + "')");
      CHECK(reply.json()["outcome"] == 20);  // nobody's mark
    }
    CHECK(cluster.agent("lab-1")["state"] == "active");
    CHECK(cluster.agent("lab-1")["degraded"].get<std::string>().find("runguard") !=
          std::string::npos);
    sick = false;
    CHECK(cluster.run("python3", "print('program 9')").json()["outcome"] == 15);
  }

  TEST_CASE("one program that every host fails on takes none of them out") {
    const StubSandbox::Behaviour breaks = {.run = [](const auto& request) {
      const bool poison = request.body.find("poison") != std::string::npos;
      return poison ? answer(500) : well(request);
    }};
    StubSandbox one(breaks);
    StubSandbox two(breaks);
    Cluster cluster;
    auto first = cluster.start_agent("lab-1", one.address(), {"--slots", "1"});
    auto second = cluster.start_agent("lab-2", two.address(), {"--slots", "1"});
    first->wait_ready();
    second->wait_ready();
    for (int i = 0; i < 4; ++i) {
      CHECK(cluster.run("python3", "poison").json()["outcome"] == 20);
      CHECK(cluster.run("python3", "fine").json()["outcome"] == 15);
    }
    CHECK(cluster.agent("lab-1")["state"] == "active");
    CHECK(cluster.agent("lab-2")["state"] == "active");
  }
}
