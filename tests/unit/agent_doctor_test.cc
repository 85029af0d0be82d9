// What the host's doctor makes of facts: each kind of trouble gives its line, and its fix.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/doctor/judge.h"
#include "agent/doctor/trials.h"

using namespace docket;
using namespace docket::agent;

namespace {

constexpr WallMs kNow = 1'767'323'045'678;

MasterFacts well_known() {
  MasterFacts facts;
  facts.address = {"queue", 4002};
  Standing standing;
  standing.code = Standing::Code::joined;
  standing.version = "0.2.0";
  standing.wall_ms = kNow;
  facts.answer = Result<Standing>(standing);
  facts.answered = kNow + 30;
  return facts;
}

Findings of_master(const MasterFacts& facts) {
  Findings findings;
  judge_master(facts, "lab-1", "0.2.0", findings);
  return findings;
}

Trial right(const std::string& language) {
  Trial trial;
  trial.language = {language, "1"};
  trial.answer.ending = Ending::ran;
  trial.answer.http_status = 200;
  trial.answer.outcome = 15;
  trial.answer.body = R"({"outcome":15,"stdout":"docket canary 42\n"})";
  return trial;
}

SandboxFacts well_sandbox() {
  SandboxFacts facts;
  facts.address = "127.0.0.1:80";
  facts.languages = {{"c", "12"}, {"matlab", "9"}, {"python3", "3.11"}};
  facts.trials = {right("c"), right("python3")};
  facts.together = Together{"python3", 4, 4, 0};
  return facts;
}

Findings of_sandbox(const SandboxFacts& facts) {
  Findings findings;
  judge_sandbox(facts, 4, findings);
  return findings;
}

HostFacts well_host() {
  HostFacts facts;
  facts.slots = 4;
  facts.folder = "/home/jobe";
  facts.report = {4, 0, 4'000, 20'000};
  return facts;
}

Findings of_host(const HostFacts& facts) {
  Findings findings;
  judge_host(facts, findings);
  return findings;
}

bool all_ok(const Findings& findings) {
  return !findings.empty() && std::ranges::all_of(findings, [](const auto& each) {
    return each.grade == Grade::ok && each.fix.empty();
  });
}

// The one finding of that check; the test fails when there is none.
Finding of(const Findings& findings, const std::string& check) {
  const auto found =
      std::ranges::find_if(findings, [&](const auto& each) { return each.check == check; });
  REQUIRE_MESSAGE(found != findings.end(), check);
  CHECK((found->grade == Grade::ok) == found->fix.empty());
  return *found;
}

bool has(const Findings& findings, const std::string& check) {
  return std::ranges::any_of(findings, [&](const auto& each) { return each.check == check; });
}

}  // namespace

TEST_SUITE("agent doctor") {
  TEST_CASE("a host at which nothing is wrong") {
    CHECK(all_ok(of_master(well_known())));
    CHECK(all_ok(of_sandbox(well_sandbox())));
    CHECK(all_ok(of_host(well_host())));
    CHECK(of(of_sandbox(well_sandbox()), "other languages").detail.find("matlab") !=
          std::string::npos);
    CHECK(of(of_sandbox(well_sandbox()), "jobe key").detail == "Jobe asks for none");
  }

  TEST_CASE("the master: what stands behind a failure is not told") {
    MasterFacts facts = well_known();
    facts.name_problem = "Name or service not known";
    Findings findings = of_master(facts);
    CHECK(findings.size() == 1);
    CHECK(of(findings, "name").grade == Grade::fail);

    facts = well_known();
    facts.answer.reset();
    facts.connect_problem = "Connection refused";
    findings = of_master(facts);
    CHECK(findings.size() == 2);
    CHECK(of(findings, "tcp").detail == "queue:4002: Connection refused");
    CHECK(of(findings, "tcp").fix.find("4002") != std::string::npos);

    facts = well_known();
    facts.answer = Result<Standing>(Error{ErrorCode::unavailable, "does not prove the key"});
    findings = of_master(facts);
    CHECK(of(findings, "key").grade == Grade::fail);
    CHECK_FALSE(has(findings, "membership"));

    facts.answer = Result<Standing>(Error{ErrorCode::denied, "turned away"});
    findings = of_master(facts);
    CHECK(of(findings, "key").grade == Grade::ok);
    CHECK(of(findings, "membership").fix.find("docket agents approve lab-1") != std::string::npos);
    CHECK_FALSE(has(findings, "clock"));
  }

  TEST_CASE("a master that refuses the host says why") {
    MasterFacts facts = well_known();
    (**facts.answer).code = Standing::Code::refused;
    (**facts.answer).reason = "the token expired 7 s ago";
    facts.by_token = true;
    const Finding membership = of(of_master(facts), "membership");
    CHECK(membership.grade == Grade::fail);
    CHECK(membership.detail == "the master refuses the token: the token expired 7 s ago");
  }

  TEST_CASE("clocks and versions that differ are told, and are no failures") {
    MasterFacts facts = well_known();
    facts.answered = kNow + 61'000;
    CHECK(of(of_master(facts), "clock").grade == Grade::warn);
    CHECK(of(of_master(facts), "clock").detail == "this host's is 61.0 s ahead of the master's");
    facts.answered = kNow - 2'500;
    CHECK(of(of_master(facts), "clock").detail == "this host's is 2.5 s behind the master's");
    (**facts.answer).wall_ms = 0;  // not told
    CHECK_FALSE(has(of_master(facts), "clock"));
    (**facts.answer).version = "0.1.0";
    CHECK(of(of_master(facts), "version").grade == Grade::warn);
  }

  TEST_CASE("a Jobe that does not answer, has no language, or wants another key") {
    SandboxFacts facts;
    facts.problem = "no Jobe answers (127.0.0.1:80: Couldn't connect)";
    CHECK(of_sandbox(facts).size() == 1);
    CHECK(of(of_sandbox(facts), "jobe").grade == Grade::fail);
    facts = SandboxFacts();
    CHECK(of(of_sandbox(facts), "jobe").detail.find("no language") != std::string::npos);

    facts = well_sandbox();
    for (Trial& trial : facts.trials) {
      trial.answer = RunAnswered();
      trial.answer.ending = Ending::http_error;
      trial.answer.http_status = 403;
    }
    CHECK(of(of_sandbox(facts), "jobe key").detail == "Jobe asks for a key");
    facts.has_key = true;
    CHECK(of(of_sandbox(facts), "jobe key").detail == "Jobe refuses the key (HTTP 403)");
    CHECK_FALSE(has(of_sandbox(facts), "run c"));
    facts.trials[0].answer.http_status = 429;
    CHECK(of(of_sandbox(facts), "jobe key").detail.find("429") != std::string::npos);
  }

  TEST_CASE("each way in which a right program can go wrong has its line") {
    SandboxFacts facts = well_sandbox();
    RunAnswered& answer = facts.trials[0].answer;
    answer.outcome = 11;
    facts.trials[0].complaint = "cc1: fatal error";
    CHECK(of(of_sandbox(facts), "run c").detail ==
          "compile error of a right program: cc1: fatal error");
    CHECK(of(of_sandbox(facts), "run python3").grade == Grade::ok);
    CHECK(of(of_sandbox(facts), "sandbox faults").grade == Grade::ok);

    answer.outcome = 21;
    CHECK(of(of_sandbox(facts), "run c").fix.find("freeallusers.php") != std::string::npos);

    answer.outcome = 15;
    answer.body = R"({"outcome":15,"stdout":""})";
    CHECK(of(of_sandbox(facts), "run c").detail.find("output") != std::string::npos);

    answer.ending = Ending::timed_out;
    answer.http_status = 0;
    CHECK(of(of_sandbox(facts), "run c").detail == "timed out");
  }

  TEST_CASE("a sandbox's own faults are named, with what helps against each") {
    const std::pair<const char*, const char*> kFixes[] = {
        {"runguard: cannot start `sh': Resource temporarily unavailable", "TasksMax"},
        {"runguard: cgroup_create_cgroup: no such group", "/sys/fs/cgroup"},
        {"sudo: a password is required", "sudoers"},
        {"runguard: something else", "testsubmit.py"}};
    for (const auto& [signature, fix] : kFixes) {
      SandboxFacts facts = well_sandbox();
      facts.trials[1].answer.fault_signature = signature;
      facts.trials[1].answer.outcome = 11;
      const Finding faults = of(of_sandbox(facts), "sandbox faults");
      CHECK(faults.grade == Grade::fail);
      CHECK(faults.detail == std::string(signature) + " (python3)");
      CHECK(faults.fix.find(fix) != std::string::npos);
      CHECK(of(of_sandbox(facts), "run python3").grade == Grade::fail);
    }
  }

  TEST_CASE("fewer programs at a time than slots: users are marked busy") {
    SandboxFacts facts = well_sandbox();
    facts.together = Together{"python3", 4, 3, 1};
    const Finding room = of(of_sandbox(facts), "free slots");
    CHECK(room.grade == Grade::fail);
    CHECK(room.detail.starts_with("3 of 4 programs ran at one time, 1 got overload (21)"));
    CHECK(room.fix.find("freeallusers.php") != std::string::npos);
    facts.agent_runs = true;
    CHECK(of(of_sandbox(facts), "free slots").grade == Grade::ok);
    facts.agent_runs = false;
    facts.together.reset();
    CHECK_FALSE(has(of_sandbox(facts), "free slots"));
  }

  TEST_CASE("programs at one time are counted by when they began and ended") {
    CHECK(most_at_once({}) == 0);
    CHECK(most_at_once({{0, 10}, {10, 20}}) == 1);
    CHECK(most_at_once({{0, 10}, {9, 20}, {30, 40}}) == 2);
    CHECK(most_at_once({{5, 6}, {0, 10}, {1, 9}, {9, 11}}) == 3);
  }

  TEST_CASE("slots against cores and against Jobe's users; disk and memory") {
    HostFacts facts = well_host();
    facts.slots = 5;
    CHECK(of(of_host(facts), "slots").grade == Grade::warn);
    facts.max_users = 4;
    CHECK(of(of_host(facts), "slots").grade == Grade::fail);
    CHECK(of(of_host(facts), "slots").fix.starts_with("slots = 4"));
    facts = well_host();
    facts.report.free_disk_mb = 199;
    CHECK(of(of_host(facts), "disk").grade == Grade::fail);
    facts.report.free_disk_mb = 1'000;
    CHECK(of(of_host(facts), "disk").grade == Grade::warn);
    facts.report.free_memory_mb = 700;
    CHECK(of(of_host(facts), "memory").grade == Grade::warn);
    facts.report.free_memory_mb = 100;
    CHECK(of(of_host(facts), "memory").grade == Grade::fail);
  }

  TEST_CASE("findings as lines and as JSON") {
    const Findings findings = {well("tcp", "it connects"),
                               failed("key", "another\nkey", "join again")};
    const auto lines = lines_of(findings);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "ok    tcp  it connects");
    CHECK(lines[1] == "fail  key  another key; do: join again");
    const auto json = nlohmann::json::parse(findings_json(findings));
    CHECK(json[1] == nlohmann::json{{"check", "key"},
                                    {"result", "fail"},
                                    {"detail", "another\nkey"},
                                    {"do", "join again"}});
    CHECK(any_failed(findings));
    CHECK_FALSE(any_failed({doubtful("a", "b", "c")}));
  }
}
