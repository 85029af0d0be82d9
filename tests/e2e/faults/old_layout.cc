#include "tests/e2e/faults/old_layout.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>

namespace docket::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCopyToFirstLayout = R"sql(
  PRAGMA old.auto_vacuum=INCREMENTAL;
  PRAGMA old.journal_mode=WAL;
  CREATE TABLE old.jobs (
    id TEXT PRIMARY KEY NOT NULL, state INTEGER NOT NULL, async INTEGER NOT NULL,
    language TEXT NOT NULL, client_job TEXT NOT NULL, cputime_s INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, http_status INTEGER NOT NULL,
    outcome INTEGER NOT NULL, agent TEXT NOT NULL, attempts TEXT NOT NULL, files TEXT NOT NULL,
    run_spec BLOB NOT NULL, result BLOB);
  CREATE INDEX old.jobs_live ON jobs (id) WHERE state <= 2;
  CREATE INDEX old.jobs_finished ON jobs (finished_ms) WHERE state > 2;
  CREATE TABLE old.agents (name TEXT PRIMARY KEY NOT NULL, slots INTEGER NOT NULL,
    weight_percent INTEGER NOT NULL, languages TEXT NOT NULL);
  INSERT INTO old.jobs SELECT id, state, async, language, client_job, cputime_s, received_ms,
    finished_ms, http_status, outcome, agent, attempts, files, run_spec, result FROM main.jobs;
  INSERT INTO old.agents SELECT name, slots, weight_percent, languages FROM main.agents;
  PRAGMA old.user_version=1;
)sql";

void execute(sqlite3* connection, const std::string& sql) {
  REQUIRE_MESSAGE(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK,
                  sqlite3_errmsg(connection));
}

}  // namespace

void make_old_layout(const std::string& data_dir) {
  const std::string today = data_dir + "/docket.db";
  const std::string old = data_dir + "/old.db";
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(today.c_str(), &connection) == SQLITE_OK);
  execute(connection, "ATTACH '" + old + "' AS old");
  execute(connection, kCopyToFirstLayout);
  REQUIRE(sqlite3_close(connection) == SQLITE_OK);
  // What belongs to today's database goes with it.
  for (const auto& entry : fs::directory_iterator(data_dir)) {
    if (entry.path().filename().string().starts_with("docket.db")) fs::remove(entry.path());
  }
  fs::rename(old, today);
}

}  // namespace docket::e2e
