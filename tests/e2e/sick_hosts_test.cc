// Hosts that fail by their own fault, each in its way: they are quarantined within few runs,
// clients never see their answers, and canary runs let them back once they are well.
#include <doctest/doctest.h>

#include <atomic>

#include "tests/e2e/cluster.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;

namespace {

docket::http::Response well(const docket::http::Request& request) {
  const bool canary = request.body.find("docket canary") != std::string::npos;
  return ran(15, canary ? "docket canary 42\n" : "right\n");
}

docket::http::Response runguard_fault() {
  return answer(200, R"({"run_id":null,"outcome":11,"cmpinfo":"runguard: cannot start `sh': )"
                     R"(Resource temporarily unavailable\n","stdout":"","stderr":""})");
}

// A cluster with one host that fails as `fails` says until it is mended, and one that is well.
void check_sick_host(const std::function<docket::http::Response()>& fails,
                     bool until_well = false) {
  std::atomic<bool> sick = true;
  StubSandbox bad({.run = [&](const auto& request) { return sick ? fails() : well(request); }});
  StubSandbox good({.run = [](const auto& request) { return well(request); }});
  Cluster cluster;
  auto one = cluster.start_agent("lab-1", bad.address(), {"--slots", "2"});
  auto two = cluster.start_agent("lab-2", good.address(), {"--slots", "2"});
  one->wait_ready();
  two->wait_ready();

  for (int i = 0; i < 20; ++i) {
    const Reply reply = cluster.run("python3", "print('program " + std::to_string(i) + "')");
    REQUIRE(reply.status == 200);
    CHECK(reply.json()["outcome"] == 15);
    CHECK(reply.json()["stdout"] == "right\n");
  }
  const auto quarantined = cluster.agent("lab-1");
  CHECK(quarantined["state"] == "quarantined");
  CHECK_FALSE(quarantined["reason"].get<std::string>().empty());
  CHECK(quarantined["host_faults"] == 3);
  CHECK(cluster.status()["summary"].get<std::string>().find("lab-1 is quarantined") !=
        std::string::npos);
  CHECK(cluster.agent("lab-2")["state"] == "active");
  CHECK(bad.runs() == 3);

  if (!until_well) return;
  // A canary finds it still sick, and gets through once it is well.
  CHECK(eventually(15'000, [&] { return bad.runs() > 3; }));
  CHECK(cluster.agent("lab-1")["state"] != "active");
  sick = false;
  CHECK(eventually(30'000, [&] { return cluster.agent("lab-1")["state"] == "active"; }));
}

}  // namespace

TEST_SUITE("e2e sick hosts") {
  TEST_CASE("its run guard fails: outcome 11") {
    check_sick_host(runguard_fault);
  }

  TEST_CASE("it answers 500") {
    check_sick_host([] { return answer(500, "\"Server exception (mkdir(): File exists)\""); });
  }

  TEST_CASE("it answers with half a result") {
    check_sick_host([] { return answer(200, R"({"run_id":null,"outcome":15,"cmp)"); });
  }

  TEST_CASE("it says that it is overloaded, always") {
    check_sick_host([] { return ran(21); });
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
