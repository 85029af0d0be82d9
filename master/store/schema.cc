#include "master/store/schema.h"

#include <array>

namespace docket::store {
namespace {

// One row a job, written whole: a job submitted and finished within one commit costs one write.
// The bodies stand last, so that lists read only the first page of a row.
constexpr const char* kVersion1 = R"sql(
  CREATE TABLE jobs (
    id          TEXT PRIMARY KEY NOT NULL,
    state       INTEGER NOT NULL,
    async       INTEGER NOT NULL,
    language    TEXT NOT NULL,
    client_job  TEXT NOT NULL,
    cputime_s   INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    finished_ms INTEGER NOT NULL,
    http_status INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    agent       TEXT NOT NULL,
    attempts    TEXT NOT NULL,
    files       TEXT NOT NULL,
    run_spec    BLOB NOT NULL,
    result      BLOB
  );
  CREATE INDEX jobs_live ON jobs (id) WHERE state <= 2;
  CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state > 2;
  CREATE TABLE agents (
    name           TEXT PRIMARY KEY NOT NULL,
    slots          INTEGER NOT NULL,
    weight_percent INTEGER NOT NULL,
    languages      TEXT NOT NULL
  );
)sql";

// API keys, and requests that clients have named. The table is made anew, because a column that is
// added stands behind the bodies.
constexpr const char* kVersion2 = R"sql(
  ALTER TABLE jobs RENAME TO jobs_1;
  DROP INDEX jobs_live;
  DROP INDEX jobs_finished;
  CREATE TABLE jobs (
    id              TEXT PRIMARY KEY NOT NULL,
    state           INTEGER NOT NULL,
    async           INTEGER NOT NULL,
    language        TEXT NOT NULL,
    client_job      TEXT NOT NULL,
    cputime_s       INTEGER NOT NULL,
    received_ms     INTEGER NOT NULL,
    finished_ms     INTEGER NOT NULL,
    http_status     INTEGER NOT NULL,
    outcome         INTEGER NOT NULL,
    agent           TEXT NOT NULL,
    attempts        TEXT NOT NULL,
    files           TEXT NOT NULL,
    api_key         TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    run_spec        BLOB NOT NULL,
    result          BLOB
  );
  INSERT INTO jobs SELECT id, state, async, language, client_job, cputime_s, received_ms,
    finished_ms, http_status, outcome, agent, attempts, files, '', '', '', run_spec, result
    FROM jobs_1;
  DROP TABLE jobs_1;
  CREATE INDEX jobs_live ON jobs (id) WHERE state <= 2;
  CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state > 2;
  CREATE INDEX jobs_named ON jobs (id) WHERE idempotency_key != '';
  CREATE TABLE api_keys (
    name        TEXT PRIMARY KEY NOT NULL,
    hash        TEXT NOT NULL,
    hourly_rate INTEGER NOT NULL,
    max_queued  INTEGER NOT NULL,
    weight      INTEGER NOT NULL,
    priority    INTEGER NOT NULL,
    may_async   INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL
  );
)sql";

// What operators want of agents.
constexpr const char* kVersion3 = R"sql(
  ALTER TABLE agents ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE agents ADD COLUMN hold_reason TEXT NOT NULL DEFAULT '';
)sql";

// What hosts are, and what a key's jobs want of them.
constexpr const char* kVersion4 = R"sql(
  ALTER TABLE agents ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE api_keys ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
)sql";

// Append only; the index + 1 is the version.
constexpr std::array kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4};

Status migrate(Connection& connection) {
  auto version = connection.integer("PRAGMA user_version");
  if (!version) return version.error();
  const auto newest = static_cast<std::int64_t>(kMigrations.size());
  if (*version > newest) {
    return Error{ErrorCode::conflict,
                 "the database has layout " + std::to_string(*version) +
                     ", this docket-master knows " + std::to_string(newest) +
                     ": it was written by a later version; upgrade docket-master"};
  }
  for (auto at = *version; at < newest; ++at) {
    const std::string step = std::string("BEGIN IMMEDIATE;") +
                             kMigrations[static_cast<std::size_t>(at)] +
                             "PRAGMA user_version=" + std::to_string(at + 1) + ";COMMIT;";
    if (auto done = connection.execute(step.c_str()); !done) {
      [[maybe_unused]] const auto undone = connection.execute("ROLLBACK");
      return done.error();
    }
  }
  return ok_status();
}

}  // namespace

Result<Connection> open_for_writing(const std::string& data_dir) {
  const std::string path = data_dir + "/docket.db";
  auto connection = Connection::open(path, Connection::Mode::write);
  if (!connection) return connection;
  const auto named = [&](const Error& error) {
    return Error{error.code, path + ": " + error.message};
  };
  // auto_vacuum only takes effect before the first table exists.
  for (const char* pragma :
       {"PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"}) {
    if (auto done = connection->execute(pragma); !done) return named(done.error());
  }
  if (auto done = migrate(*connection); !done) return named(done.error());
  return connection;
}

Result<Connection> open_for_reading(const std::string& data_dir) {
  return Connection::open(data_dir + "/docket.db", Connection::Mode::read);
}

}  // namespace docket::store
