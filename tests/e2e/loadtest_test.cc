// docket loadtest against real clusters: what it reports, and what it leaves behind.
#include <doctest/doctest.h>
#include <signal.h>

#include "tests/e2e/cluster.h"
#include "tests/e2e/stub_sandbox.h"

namespace docket::e2e {
namespace {

std::vector<std::string> keys_of(const Cluster& cluster) {
  const Ended listed = cluster.docket({"keys", "list", "-o", "json"});
  REQUIRE_MESSAGE(listed.status == 0, listed.err);
  std::vector<std::string> names;
  const auto answer = nlohmann::json::parse(listed.out);
  for (const auto& key : answer["keys"]) names.push_back(key["name"]);
  return names;
}

std::vector<std::string> test_of(const Cluster& cluster, int students, int questions) {
  return {"loadtest",
          "--students",
          std::to_string(students),
          "--questions",
          std::to_string(questions),
          "--jobe",
          cluster.jobe_url()};
}

}  // namespace

TEST_SUITE_BEGIN("e2e loadtest");

TEST_CASE("a load test runs real programs by a key of its own, and the key goes with it") {
  Cluster cluster;
  cluster.add_host("lab-1", 2);
  REQUIRE(cluster.docket({"keys", "create", "moodle"}).status == 0);
  auto arguments = test_of(cluster, 4, 3);
  arguments.insert(arguments.end(), {"-o", "json"});
  const Ended done = cluster.docket(arguments);
  REQUIRE_MESSAGE(done.status == 0, done.err);
  CHECK(done.err.find("12 runs of python3, 4 at a time") != std::string::npos);
  CHECK(done.err.find("by the key loadtest-") != std::string::npos);
  const auto report = nlohmann::json::parse(done.out);
  CHECK(report["right"] == 12);
  CHECK(report["failed"].empty());
  CHECK(report["hosts"] == 1);
  CHECK(report["slots"] == 2);
  CHECK(report["runs_per_s"] > 0.0);
  CHECK(report["capacity"][1]["longest_wait_s"] < report["capacity"][0]["longest_wait_s"]);
  CHECK(keys_of(cluster) == std::vector<std::string>{"moodle"});
  CHECK(cluster.agent("lab-1")["finished"] == 12);
}

TEST_CASE("where the API is open no key is made, and wrong answers are counted by what came") {
  Cluster cluster;
  StubSandbox stub({.run = [](const auto&) { return ran(15, "stub\n"); }});
  const auto agent = cluster.start_agent("lab-1", stub.address(), {"--slots", "2"});
  agent->wait_ready();
  const Ended done = cluster.docket(test_of(cluster, 3, 1));
  CHECK(done.status == 1);
  CHECK(done.err.find("the API has no keys") != std::string::npos);
  CHECK(done.out.find("0 of 3 runs gave the right result") != std::string::npos);
  CHECK(done.out.find("failed: 3 with another output than the program's") != std::string::npos);
  CHECK(keys_of(cluster).empty());
}

TEST_CASE("a dry run and a language that nobody has run nothing") {
  Cluster cluster;
  StubSandbox stub({});
  const auto agent = cluster.start_agent("lab-1", stub.address(), {"--slots", "1"});
  agent->wait_ready();
  auto arguments = test_of(cluster, 500, 5);
  arguments.push_back("--dry-run");
  const Ended dry = cluster.docket(arguments);
  CHECK(dry.status == 0);
  CHECK(dry.err.find("2500 runs of python3, 500 at a time") != std::string::npos);
  CHECK(dry.err.find("nothing was run") != std::string::npos);
  const Ended unknown = cluster.docket({"loadtest", "-l", "cobol"});
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("there is no test program in 'cobol'") != std::string::npos);
  const Ended nowhere = cluster.docket({"loadtest", "-l", "pascal"});
  CHECK(nowhere.status == 3);
  CHECK(nowhere.err.find("no host takes runs of 'pascal'") != std::string::npos);
  CHECK(cluster.status()["submitted"] == 0);
}

TEST_CASE("interrupted, it cancels what waits, takes its key along and reports what it saw") {
  Cluster cluster;
  StubSandbox stub({.run = [](const auto&) { return std::nullopt; }});
  const auto agent = cluster.start_agent("lab-1", stub.address(), {"--slots", "1"});
  agent->wait_ready();
  REQUIRE(cluster.docket({"keys", "create", "moodle"}).status == 0);
  auto arguments = test_of(cluster, 5, 2);
  arguments.insert(arguments.begin(), {"--master", cluster.ops_url()});
  Process test("docket", arguments, cluster.folder());
  REQUIRE(eventually(20'000, [&] { return cluster.status()["queued"] == 4; }));
  test.signal(SIGINT);
  CHECK(test.wait_exit(20'000) == 130);
  CHECK(test.out().find("0 of 5 runs gave the right result") != std::string::npos);
  CHECK(test.err().find("waiting runs were cancelled") != std::string::npos);
  CHECK(keys_of(cluster) == std::vector<std::string>{"moodle"});
  CHECK(eventually(20'000, [&] { return cluster.status()["queued"] == 0; }));
}

TEST_CASE("it does not begin into others' runs without being told so") {
  Cluster cluster;
  StubSandbox stub({.run = [](const auto&) { return std::nullopt; }});
  const auto agent = cluster.start_agent("lab-1", stub.address(), {"--slots", "1"});
  agent->wait_ready();
  cluster.submit("python3", "print(1)");
  const Ended refused = cluster.docket(test_of(cluster, 1, 1));
  CHECK(refused.status == 2);
  CHECK(refused.err.find("a run of others is under way") != std::string::npos);
  CHECK(cluster.status()["submitted"] == 1);
}

TEST_SUITE_END();

}  // namespace docket::e2e
