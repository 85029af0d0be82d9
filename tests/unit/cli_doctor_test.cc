// What docket doctor makes of a master's answers.
#include <doctest/doctest.h>

#include <algorithm>

#include "master/cli/checkup.h"

using namespace docket;
using namespace docket::cli;
using nlohmann::json;

namespace {

constexpr WallMs kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z

json agent(const std::string& name, const std::string& state) {
  return {{"name", name},   {"state", state},    {"reason", ""},
          {"degraded", ""}, {"shortage", ""},    {"languages", {{{"id", "c"}, {"version", "12"}}}},
          {"slots", 4},     {"version", "0.2.0"}};
}

Checkup well_master() {
  Checkup checkup;
  checkup.self = {
      {"version", "0.2.0"},
      {"time", "2026-01-02T03:04:05.678Z"},
      {"host", "queue"},
      {"listens",
       {{"jobe", "0.0.0.0:4000"}, {"ops", "127.0.0.1:4001"}, {"agents", "0.0.0.0:4002"}}},
      {"local_is_admin", true},
      {"tokens", 2},
      {"data",
       {{"folder", "/d"},
        {"free_bytes", 0},
        {"database_bytes", 100 << 20},
        {"max_database_bytes", 4'096LL << 20},
        {"files_bytes", 0},
        {"max_files_bytes", 4'096LL << 20}}},
      {"commits", {{"count", 20}, {"failed", 0}, {"mean_seconds", 0.001}, {"p95_seconds", 0.005}}}};
  checkup.self["data"]["free_bytes"] = 9'000LL << 20;
  checkup.status = {{"accepting", true}, {"agents", 1}, {"agents_taking_work", 1}};
  checkup.agents = {{"agents", {agent("lab-1", "active")}}};
  checkup.link = {{"encrypted", true}, {"awaiting", json::array()}};
  checkup.keys = {{"keys", {{{"name", "moodle"}}}}};
  checkup.asked_host = "127.0.0.1";
  checkup.asked = kNow - 20;
  checkup.answered = kNow + 20;
  checkup.jobe = Address{"127.0.0.1", 4000};
  checkup.agents_at = Address{"127.0.0.1", 4002};
  return checkup;
}

Finding of(const Checkup& checkup, const std::string& check) {
  const Findings findings = findings_of(checkup);
  const auto found =
      std::ranges::find_if(findings, [&](const auto& each) { return each.check == check; });
  REQUIRE_MESSAGE(found != findings.end(), check);
  CHECK((found->grade == Grade::ok) == found->fix.empty());
  return *found;
}

}  // namespace

TEST_CASE("cli: the doctor finds nothing wrong with a master that is well") {
  for (const Finding& finding : findings_of(well_master())) {
    CHECK_MESSAGE(finding.grade == Grade::ok, finding.check << ": " << finding.detail);
  }
  CHECK(coderunner_settings(well_master()) ==
        "Jobe server: queue:4000\nJobe API-key: what docket keys create printed for moodle");
}

TEST_CASE("cli: what to enter in CodeRunner's settings") {
  Checkup checkup = well_master();
  checkup.asked_host = "queue.example.org";
  checkup.keys = {{"keys", json::array()}};
  CHECK(coderunner_settings(checkup).starts_with("Jobe server: queue.example.org:4000\n"));
  CHECK(coderunner_settings(checkup).find("leave it empty") != std::string::npos);
  checkup.self["listens"]["jobe"] = "10.0.0.1:4000";
  CHECK(coderunner_settings(checkup).starts_with("Jobe server: 10.0.0.1:4000\n"));
}

TEST_CASE("cli: ports as the doctor sees them") {
  CHECK(seen_from("queue", "0.0.0.0:4000")->text() == "queue:4000");
  CHECK(seen_from("queue", "10.0.0.1:4000")->text() == "10.0.0.1:4000");
  CHECK(seen_from("127.0.0.1", "127.0.0.1:4000")->text() == "127.0.0.1:4000");
  CHECK_FALSE(seen_from("queue", "127.0.0.1:4000").has_value());
  CHECK_FALSE(seen_from("queue", "nonsense").has_value());

  Checkup checkup = well_master();
  checkup.jobe_problem = "Connection refused";
  CHECK(of(checkup, "jobe port").grade == Grade::fail);
  checkup.asked_host = "queue";
  CHECK(of(checkup, "jobe port").grade == Grade::warn);
  checkup.jobe.reset();
  CHECK(of(checkup, "jobe port").grade == Grade::ok);

  checkup = well_master();
  checkup.agents = {{"agents", {agent("lab-1", "lost")}}};
  CHECK(of(checkup, "agents port").grade == Grade::ok);
  checkup.agents_problem = "Connection refused";
  CHECK(of(checkup, "agents port").grade == Grade::fail);
  checkup.agents_problem.clear();
  checkup.self["listens"]["agents"] = "127.0.0.1:4002";
  CHECK(of(checkup, "agents port").fix.find("agents-listen") != std::string::npos);
  checkup.link["encrypted"] = false;
  CHECK(of(checkup, "agents port").fix.find("--plain-link") != std::string::npos);
}

TEST_CASE("cli: an open API, a full disk, slow commits and a wrong clock are told") {
  Checkup checkup = well_master();
  checkup.keys = {{"keys", json::array()}};
  CHECK(of(checkup, "api keys").grade == Grade::warn);
  json& data = checkup.self["data"];
  data["free_bytes"] = 5'000LL << 20;
  CHECK(of(checkup, "disk").grade == Grade::warn);
  data["free_bytes"] = 100LL << 20;
  CHECK(of(checkup, "disk").grade == Grade::fail);
  data["database_bytes"] = 3'900LL << 20;
  CHECK(of(checkup, "database").grade == Grade::warn);
  json& commits = checkup.self["commits"];
  commits["p95_seconds"] = 0.5;
  CHECK(of(checkup, "commit").grade == Grade::warn);
  commits["p95_seconds"] = nullptr;
  CHECK(of(checkup, "commit").detail.find("more than 10 s") != std::string::npos);
  commits["p95_seconds"] = 0.005;
  commits["failed"] = 3;
  CHECK(of(checkup, "commit").detail.find("3 failed") != std::string::npos);
  commits["count"] = 0;
  CHECK(of(checkup, "commit").grade == Grade::ok);
  checkup.asked = kNow + 10'000;
  checkup.answered = kNow + 10'040;
  CHECK(of(checkup, "time").detail.find("behind") != std::string::npos);
  checkup.asked = kNow - 10'000;
  checkup.answered = kNow - 9'960;
  CHECK(of(checkup, "time").detail.find("ahead") != std::string::npos);
  checkup.answered = kNow + 9'000;  // a slow answer is no wrong clock
  CHECK(of(checkup, "time").grade == Grade::ok);
  checkup.status["accepting"] = false;
  CHECK(of(checkup, "master").grade == Grade::fail);
}

TEST_CASE("cli: agents in trouble, of other versions, or that wait are named one by one") {
  Checkup checkup = well_master();
  for (const char* state :
       {"suspect", "quarantined", "probing", "cordoned", "draining", "drained", "lost"}) {
    checkup.agents = {{"agents", {agent("lab-1", state)}}};
    CHECK(of(checkup, "agent lab-1").grade == Grade::warn);
  }
  checkup.agents["agents"][0] = agent("lab-1", "active");
  checkup.agents["agents"][0]["degraded"] = "runguard: cannot start";
  CHECK(of(checkup, "agent lab-1").detail == "degraded: runguard: cannot start");
  checkup.agents["agents"][0] = agent("lab-1", "active");
  checkup.agents["agents"][0]["languages"] = json::array();
  CHECK(of(checkup, "agent lab-1").grade == Grade::warn);
  checkup.agents["agents"][0] = agent("lab-1", "active");
  checkup.agents["agents"][0]["version"] = "0.1.0";
  CHECK(of(checkup, "versions").detail == "the master is 0.2.0, but lab-1 0.1.0");
  checkup.agents["agents"][0]["host"] = {{"clock_offset_ms", -61'000}};
  CHECK(of(checkup, "clock of lab-1").detail == "1m 01s behind the master's");
  checkup.link["awaiting"] = {{{"name", "lab-7"}, {"fingerprint", "1f2e"}}};
  CHECK(of(checkup, "agent lab-7").fix == "docket agents approve 1f2e");
  checkup.status["agents_taking_work"] = 0;
  CHECK(of(checkup, "agents").grade == Grade::fail);
  checkup.status["agents"] = 0;
  CHECK(of(checkup, "agents").fix.find("docket agents token") != std::string::npos);
}
