// Databases of every earlier layout, as those versions wrote them, come to the present one with all
// their rows; a step that fails leaves the layout that was there.
#include "master/store/inspect.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace {

// Frozen: what layout 1 was. Never to be edited with the code.
constexpr const char* kLayout1 = R"sql(
  PRAGMA auto_vacuum=INCREMENTAL;
  PRAGMA journal_mode=WAL;
  CREATE TABLE jobs (id TEXT PRIMARY KEY NOT NULL, state INTEGER NOT NULL, async INTEGER NOT NULL,
    language TEXT NOT NULL, client_job TEXT NOT NULL, cputime_s INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, http_status INTEGER NOT NULL,
    outcome INTEGER NOT NULL, agent TEXT NOT NULL, attempts TEXT NOT NULL, files TEXT NOT NULL,
    run_spec BLOB NOT NULL, result BLOB);
  CREATE INDEX jobs_live ON jobs (id) WHERE state <= 2;
  CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state > 2;
  CREATE TABLE agents (name TEXT PRIMARY KEY NOT NULL, slots INTEGER NOT NULL,
    weight_percent INTEGER NOT NULL, languages TEXT NOT NULL);
  INSERT INTO agents VALUES ('lab-1', 4, 150, '[["c","12.2.0"],["java","17"]]');
  PRAGMA user_version=1;
)sql";

// The rest of layout 2, where it differs.
constexpr const char* kLayout2 = R"sql(
  PRAGMA auto_vacuum=INCREMENTAL;
  PRAGMA journal_mode=WAL;
  CREATE TABLE jobs (id TEXT PRIMARY KEY NOT NULL, state INTEGER NOT NULL, async INTEGER NOT NULL,
    language TEXT NOT NULL, client_job TEXT NOT NULL, cputime_s INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, http_status INTEGER NOT NULL,
    outcome INTEGER NOT NULL, agent TEXT NOT NULL, attempts TEXT NOT NULL, files TEXT NOT NULL,
    api_key TEXT NOT NULL, idempotency_key TEXT NOT NULL, fingerprint TEXT NOT NULL,
    run_spec BLOB NOT NULL, result BLOB);
  CREATE INDEX jobs_live ON jobs (id) WHERE state <= 2;
  CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state > 2;
  CREATE INDEX jobs_named ON jobs (id) WHERE idempotency_key != '';
  CREATE TABLE agents (name TEXT PRIMARY KEY NOT NULL, slots INTEGER NOT NULL,
    weight_percent INTEGER NOT NULL, languages TEXT NOT NULL);
  CREATE TABLE api_keys (name TEXT PRIMARY KEY NOT NULL, hash TEXT NOT NULL,
    hourly_rate INTEGER NOT NULL, max_queued INTEGER NOT NULL, weight INTEGER NOT NULL,
    priority INTEGER NOT NULL, may_async INTEGER NOT NULL, created_ms INTEGER NOT NULL);
  INSERT INTO agents VALUES ('lab-1', 4, 150, '[["c","12.2.0"],["java","17"]]');
  INSERT INTO api_keys VALUES ('moodle', 'abcd', 5000, 200, 3, 1, 1, 1700000000001);
  PRAGMA user_version=2;
)sql";

constexpr const char* kLayout3 = R"sql(
  ALTER TABLE agents ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE agents ADD COLUMN hold_reason TEXT NOT NULL DEFAULT '';
  UPDATE agents SET hold = 2, hold_reason = 'kernel upgrade';
  PRAGMA user_version=3;
)sql";

constexpr const char* kLayout4 = R"sql(
  ALTER TABLE agents ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE api_keys ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
  UPDATE agents SET tags = '["exam"]';
  UPDATE api_keys SET tags = '["exam","quiet"]';
  PRAGMA user_version=4;
)sql";

constexpr const char* kLayout5 = R"sql(
  PRAGMA application_id = 0x446f636b;
  CREATE TABLE store (mark INTEGER NOT NULL);
  INSERT INTO store VALUES (0);
  PRAGMA user_version=5;
)sql";

constexpr const char* kAttempts =
    R"('[{"agent":"lab-1","assigned_ms":11,"detail":"","ended_ms":22,"ending":1,"http_status":200,)"
    R"("language_version":"12.2.0","late_answer_ms":0,"number":1,"outcome":15,"push_ms":3,"run_ms":4}]')";

constexpr const char* kLayout6 = R"sql(
  CREATE TABLE access_tokens (
    name       TEXT PRIMARY KEY NOT NULL,
    hash       TEXT NOT NULL,
    role       INTEGER NOT NULL,
    source     INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
  );
  CREATE TABLE audit (
    id     INTEGER PRIMARY KEY NOT NULL,
    at_ms  INTEGER NOT NULL,
    who    TEXT NOT NULL,
    what   TEXT NOT NULL,
    target TEXT NOT NULL,
    why    TEXT NOT NULL,
    peer   TEXT NOT NULL
  );
  ALTER TABLE store ADD COLUMN purge_before_ms INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX jobs_with_bodies ON jobs (finished_ms) WHERE state > 2 AND length(run_spec) > 0;
  PRAGMA user_version=6;
)sql";

constexpr const char* kLayout7 = R"sql(
  CREATE INDEX jobs_listed ON jobs (id, state, language, agent, api_key, outcome, client_job);
  CREATE INDEX jobs_undone ON jobs (id) WHERE state > 3;
  PRAGMA user_version=7;
)sql";

// Job 1 has ended, jobs 2 and 3 wait.
void make_database(const TemporaryFolder& folder, int layout) {
  auto made = Connection::open(folder.database(), Connection::Mode::write);
  REQUIRE(made.ok());
  made->checkpoint_on_close();
  REQUIRE(made->execute(layout == 1 ? kLayout1 : kLayout2).ok());
  const std::string more = layout == 1 ? "" : ", 'moodle', 'name', 'print'";
  const auto insert = [&](std::uint64_t number, int state, const std::string& result) {
    const std::string sql = "INSERT INTO jobs VALUES ('" + job_number(number).text() + "', " +
                            std::to_string(state) + ", 1, 'c', 'q7', 5, 1700000000000, 1700000000" +
                            std::to_string(number) + "00, 200, 15, 'lab-1', " +
                            (state == 3 ? kAttempts : "'[]'") + ", '[\"abcdefgh\"]'" + more +
                            ", x'7b00ff7d', " + result + ")";
    REQUIRE_MESSAGE(made->execute(sql.c_str()).ok(), sql);
  };
  insert(1, 3, "x'7b7d'");
  insert(2, 1, "NULL");
  insert(3, 1, "NULL");
  if (layout >= 3) REQUIRE(made->execute(kLayout3).ok());
  if (layout >= 4) REQUIRE(made->execute(kLayout4).ok());
  if (layout >= 5) REQUIRE(made->execute(kLayout5).ok());
  if (layout >= 6) REQUIRE(made->execute(kLayout6).ok());
  if (layout >= 7) REQUIRE(made->execute(kLayout7).ok());
}

}  // namespace

TEST_SUITE("store migration") {
  TEST_CASE("every earlier layout comes to the present one with all its rows") {
    for (int layout = 1; layout < kNewestLayout; ++layout) {
      CAPTURE(layout);
      const TemporaryFolder folder;
      make_database(folder, layout);
      RetentionLimits keep;
      keep.age_ms *= 1'000;
      keep.bodies_ms *= 1'000;
      OpenJournal open(folder, keep);
      const Restored restored = open.journal->take_restored();
      REQUIRE(restored.jobs.size() == 2);
      CHECK(restored.jobs[0].id == job_number(2));
      CHECK(*restored.jobs[0].run_spec == std::string("{\0\xff}", 4));
      CHECK(restored.jobs[0].asynchronous);
      REQUIRE(restored.agents.size() == 1);
      CHECK(restored.agents[0].slots == 4);
      CHECK(restored.agents[0].languages == std::vector<Language>{{"c", "12.2.0"}, {"java", "17"}});
      CHECK(restored.agents[0].hold == (layout >= 3 ? Hold::drain : Hold::none));
      CHECK(restored.agents[0].tags.size() == (layout >= 4 ? 1 : 0));
      CHECK(restored.keys.size() == (layout == 1 ? 0 : 1));
      if (layout > 1) {
        CHECK(restored.keys[0].weight == 3);
        CHECK(restored.keys[0].tags.size() == (layout >= 4 ? 2 : 0));
        CHECK(restored.named.size() == 3);
        CHECK(restored.jobs[0].key == "moodle");
        CHECK(restored.jobs[0].fingerprint == "print");
      }
      open.commit({SaveJob{queued_job(4)}});
      const Job ended = job_on_disk(folder, 1);
      CHECK(ended.state == JobState::done);
      CHECK(ended.client_job == "q7");
      CHECK(*ended.result == "{}");
      REQUIRE(ended.attempts.size() == 1);
      CHECK(ended.attempts[0].run_ms == 4);
      auto database = Connection::open(folder.database(), Connection::Mode::read);
      CHECK(*database->integer("PRAGMA user_version") == kNewestLayout);
      CHECK(*database->integer("PRAGMA application_id") == kApplicationId);
      CHECK(*database->text("PRAGMA integrity_check") == "ok");
    }
  }

  TEST_CASE("a migrated database has the tables and indexes of a new one") {
    const auto schema_of = [](const TemporaryFolder& folder) {
      { OpenJournal open(folder); }
      auto database = Connection::open(folder.database(), Connection::Mode::read);
      return *database->text(
          "SELECT group_concat(name || ':' || ifnull((SELECT group_concat(c.name || c.type) FROM "
          "pragma_table_info(s.name) c), '')) FROM (SELECT name FROM sqlite_schema ORDER BY name) "
          "s");
    };
    const TemporaryFolder fresh;
    for (int layout = 1; layout < kNewestLayout; ++layout) {
      const TemporaryFolder old;
      make_database(old, layout);
      CHECK(schema_of(old) == schema_of(fresh));
    }
  }

  TEST_CASE("a step that fails at its end leaves the layout that was there, whole") {
    const TemporaryFolder folder;
    make_database(folder, 1);
    {
      // What step 2 makes last is in its way.
      auto connection = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(connection->execute("CREATE TABLE api_keys (x)").ok());
    }
    refusal_to_open(folder.path(), ErrorCode::unavailable);
    auto connection = Connection::open(folder.database(), Connection::Mode::write);
    CHECK(*connection->integer("PRAGMA user_version") == 1);
    CHECK(*connection->integer("SELECT count(*) FROM jobs") == 3);
    CHECK(*connection->integer("SELECT count(*) FROM pragma_table_info('jobs')") == 15);
    CHECK(*connection->text("PRAGMA integrity_check") == "ok");
    REQUIRE(connection->execute("DROP TABLE api_keys").ok());
    OpenJournal open(folder);
    CHECK(open.journal->take_restored().jobs.size() == 2);
  }
}
