// Tokens, the audit list and purges on disk.
#include <fstream>
#include <iterator>

#include "master/store/audit_log.h"
#include "master/store/audit_reader.h"
#include "master/store/retention.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace {

AuditEntry entry_of(const std::string& who, const std::string& what, WallMs at = 0) {
  return {at == 0 ? read_clock().wall : at, who, what, "lab-1", "kernel", "10.0.0.7"};
}

std::vector<std::string> whats(AuditReader& reader, const AuditFilter& filter) {
  const auto records = reader.list(filter);
  REQUIRE_MESSAGE(records.ok(), records.error().message);
  std::vector<std::string> list;
  for (const auto& record : *records) list.push_back(record.entry.what);
  return list;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_SUITE("store access") {
  TEST_CASE("tokens come back as they were, and a revoked one does not") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      open.commit({SaveAccess{{"ana", "abc", Role::admin, true, 77}},
                   SaveAccess{{"bob", "def", Role::read, false, 78}},
                   SaveAccess{{"eve", "fff", Role::operate, false, 79}}});
      open.commit({DeleteAccess{"eve"}});
    }
    OpenJournal open(folder);
    const auto tokens = open.journal->take_restored().access;
    REQUIRE(tokens.size() == 2);
    CHECK(tokens[0].name == "ana");
    CHECK(tokens[0].hash == "abc");
    CHECK(tokens[0].role == Role::admin);
    CHECK(tokens[0].source);
    CHECK(tokens[0].created == 77);
    CHECK(tokens[1].role == Role::read);
    CHECK_FALSE(tokens[1].source);
  }

  TEST_CASE("a token whose role nobody knows stops the start, with its name") {
    const TemporaryFolder folder;
    { OpenJournal open(folder); }
    {
      auto connection = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(connection->execute("INSERT INTO access_tokens VALUES ('ana','x',9,0,0)").ok());
    }
    CHECK(refusal_to_open(folder.path(), ErrorCode::corrupt).find("ana") != std::string::npos);
  }

  TEST_CASE("the audit: newest first, filtered, page by page") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit({SaveAudit{entry_of("ana", "agents.drain")}, SaveAudit{entry_of("bob", "backup")}});
    open.commit({SaveAudit{entry_of("ana", "agents.resume")}, SaveAudit{entry_of("bob", "agents")},
                 SaveAudit{entry_of("ana", "agentsx")}});
    auto reader = open_audit_reader(folder.path());
    REQUIRE(reader.ok());
    CHECK(whats(**reader, {}) ==
          Words{"agentsx", "agents", "agents.resume", "backup", "agents.drain"});
    CHECK(whats(**reader, {.who = "bob"}) == Words{"agents", "backup"});
    CHECK(whats(**reader, {.what = "agents"}) == Words{"agents", "agents.resume", "agents.drain"});
    CHECK(whats(**reader, {.who = "ana", .what = "agents"}) ==
          Words{"agents.resume", "agents.drain"});
    CHECK(whats(**reader, {.what = "%"}).empty());
    CHECK(whats(**reader, {.who = "' OR 1"}).empty());
    const auto first = (*reader)->list({.limit = 2});
    REQUIRE(first->size() == 2);
    CHECK(first->at(0).entry.why == "kernel");
    CHECK(first->at(0).entry.on == "lab-1");
    CHECK(first->at(0).entry.from == "10.0.0.7");
    CHECK(whats(**reader, {.before = first->back().id, .limit = 2}) ==
          Words{"agents.resume", "backup"});
  }

  TEST_CASE("the audit is bounded by number and by age") {
    const TemporaryFolder folder;
    { OpenJournal open(folder); }
    auto connection = Connection::open(folder.database(), Connection::Mode::write);
    auto log = AuditLog::prepare(*connection);
    REQUIRE(log.ok());
    for (int i = 1; i <= 10; ++i) {
      REQUIRE(log->append(entry_of("ana", std::to_string(i), i), 4).ok());
    }
    auto reader = open_audit_reader(folder.path());
    CHECK(whats(**reader, {}) == Words{"10", "9", "8", "7"});
    REQUIRE(log->forget(9).ok());
    CHECK(whats(**reader, {}) == Words{"10", "9"});
    // Each step looks at the oldest hundred alone.
    for (int i = 0; i < 250; ++i) REQUIRE(log->append(entry_of("ana", "x", 1), 1'000).ok());
    REQUIRE(log->forget(9).ok());
    CHECK(*connection->integer("SELECT count(*) FROM audit") == 154);
    for (int i = 0; i < 3; ++i) REQUIRE(log->forget(9).ok());
    CHECK(whats(**reader, {}) == Words{"10", "9"});
  }

  TEST_CASE("old entries go by themselves") {
    const TemporaryFolder folder;
    RetentionLimits limits;
    limits.audit_ms = 1'000;
    OpenJournal open(folder, limits);
    open.commit({SaveAudit{entry_of("ana", "old", 1)}});
    auto reader = open_audit_reader(folder.path());
    CHECK(whats(**reader, {}).size() == 1);
    open.commit({SavePurge{1}});  // has the journal look at once
    for (int turn = 0; turn < 1'000 && !whats(**reader, {}).empty(); ++turn) open.commit({});
    CHECK(whats(**reader, {}).empty());
  }

  TEST_CASE("a purge takes what was submitted and printed, and leaves the facts") {
    const TemporaryFolder folder;
    const WallMs now = read_clock().wall;
    const std::string secret = "a student's own words";
    const auto job = [&](std::uint64_t number, WallMs ended) {
      Job made = finished_job(number, ended);
      made.run_spec = bytes("{\"run_spec\":{\"sourcecode\":\"" + secret + "\"}}");
      made.result = bytes("{\"stdout\":\"" + secret + "\"}");
      return made;
    };
    {
      OpenJournal open(folder);
      open.commit({SaveJob{job(1, now - 7'200'000)}, SaveJob{job(2, now - 10'000)},
                   SaveJob{queued_job(3)}});
      auto reader = open_reader(folder.path());
      CHECK(*(*reader)->count_with_bodies(now) == 2);
      CHECK(*(*reader)->count_with_bodies(now - 3'600'000) == 1);
      open.commit({SavePurge{now - 3'600'000}});
      const auto done = [&] { return *(*reader)->count_with_bodies(now) == 1; };
      for (int turn = 0; turn < 1'000 && !done(); ++turn) open.commit({});
      REQUIRE(done());
      const Job purged = job_on_disk(folder, 1);
      CHECK(is_purged(purged));
      CHECK(purged.result == nullptr);
      CHECK(purged.state == JobState::done);
      CHECK(purged.outcome == 15);
      CHECK_FALSE(is_purged(job_on_disk(folder, 2)));
      CHECK_FALSE(is_purged(job_on_disk(folder, 3)));
      CHECK(listed(**reader, {}).size() == 3);
    }
  }

  TEST_CASE("a purge that was ordered goes on after a restart") {
    const TemporaryFolder folder;
    const WallMs now = read_clock().wall;
    {
      OpenJournal open(folder);
      open.commit({SaveJob{finished_job(1, now - 7'200'000)}});
    }
    {
      auto connection = Connection::open(folder.database(), Connection::Mode::write);
      const std::string order =
          "UPDATE store SET purge_before_ms = " + std::to_string(now - 3'600'000);
      REQUIRE(connection->execute(order.c_str()).ok());
    }
    OpenJournal open(folder);
    auto reader = open_reader(folder.path());
    const auto done = [&] { return *(*reader)->count_with_bodies(now) == 0; };
    for (int turn = 0; turn < 1'000 && !done(); ++turn) open.commit({});
    CHECK(done());
    CHECK(is_purged(job_on_disk(folder, 1)));
  }

  TEST_CASE("purges find their jobs by the index, and what is gone stays readable nowhere") {
    const TemporaryFolder folder;
    const WallMs now = read_clock().wall;
    const std::string small = "SMALLSECRET";
    const std::string large = "LARGESECRET";
    {
      OpenJournal open(folder);
      Job one = finished_job(1, now - 7'200'000);
      one.run_spec = bytes(small);
      Job two = finished_job(2, now - 7'200'000);
      two.run_spec = bytes(std::string(40'000, 'x') + large);
      open.commit({SaveJob{one}, SaveJob{two}, SaveJob{finished_job(3, now)}});
    }
    const auto holds = [&](const std::string& text) {
      return file_text(folder.database()).find(text) != std::string::npos;
    };
    CHECK(holds(small));
    CHECK(holds(large));
    {
      OpenJournal open(folder);
      open.commit({SavePurge{now - 3'600'000}});
      auto reader = open_reader(folder.path());
      const auto done = [&] { return *(*reader)->count_with_bodies(now - 3'600'000) == 0; };
      for (int turn = 0; turn < 1'000 && !done(); ++turn) open.commit({});
      REQUIRE(done());
    }
    // Closing copied the log into the database.
    CHECK_FALSE(holds(small));
    CHECK_FALSE(holds(large));
    auto connection = Connection::open(folder.database(), Connection::Mode::read);
    auto plan = connection->prepare(
        "EXPLAIN QUERY PLAN SELECT count(*) FROM jobs "
        "WHERE state > 2 AND length(run_spec) > 0 AND finished_ms < 7");
    REQUIRE(plan.ok());
    REQUIRE(*plan->step());
    CHECK(plan->text(3).find("jobs_with_bodies") != std::string::npos);
  }
}
