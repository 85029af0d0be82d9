#include "master/store/schema.h"

#include <array>

#include "master/store/inspect.h"

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

// Whose it is, and the mark (mark.h).
constexpr const char* kVersion5 = R"sql(
  PRAGMA application_id = 0x446f636b;
  CREATE TABLE store (mark INTEGER NOT NULL);
  INSERT INTO store VALUES (0);
)sql";

// Who may operate, who did what, and what is to be forgotten. The index has the finished jobs whose
// bodies are still there: length() reads the head of a row only.
constexpr const char* kVersion6 = R"sql(
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
)sql";

// What lists are filtered by, beside the bulk of the rows: a look through a million jobs reads this
// index alone. Those that ended badly are few among many, and what people look for.
constexpr const char* kVersion7 = R"sql(
  CREATE INDEX jobs_listed ON jobs (id, state, language, agent, api_key, outcome, client_job);
  CREATE INDEX jobs_undone ON jobs (id) WHERE state > 3;
)sql";

// Who may be on the link (master/core/agent_key.h). No secret is in these.
constexpr const char* kVersion8 = R"sql(
  CREATE TABLE agent_keys (
    name       TEXT PRIMARY KEY NOT NULL,
    public_key TEXT NOT NULL UNIQUE,
    trust      INTEGER NOT NULL,
    joined_ms  INTEGER NOT NULL
  );
  CREATE TABLE join_tokens (
    id         TEXT PRIMARY KEY NOT NULL,
    expires_ms INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    approve    INTEGER NOT NULL,
    tags       TEXT NOT NULL
  );
)sql";

// Append only; the index + 1 is the version.
constexpr std::array kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4,
                                    kVersion5, kVersion6, kVersion7, kVersion8};
static_assert(kMigrations.size() == kNewestLayout);

Status migrate(Connection& connection, const Logger& log) {
  auto version = connection.integer("PRAGMA user_version");
  if (!version) return version.error();
  if (*version == kNewestLayout) return ok_status();
  if (*version != 0) {
    const auto pages = connection.integer("PRAGMA page_count");
    if (!pages) return pages.error();
    log->info(
        "database=migrating from={} to={} pages={} note=\"a large one takes minutes and its "
        "own size again; being stopped loses nothing\"",
        *version, kNewestLayout, *pages);
  }
  for (auto at = *version; at < kNewestLayout; ++at) {
    const std::string step = kMigrations[static_cast<std::size_t>(at)] +
                             ("PRAGMA user_version=" + std::to_string(at + 1));
    const Status done = connection.transaction([&] { return connection.execute(step.c_str()); });
    if (!done) return done.error();
  }
  if (*version != 0) log->info("database=migrated to={}", kNewestLayout);
  return ok_status();
}

}  // namespace

Result<Connection> open_for_writing(const std::string& data_dir, const Logger& log) {
  if (auto sound = refuse_unsound(data_dir); !sound) return sound.error();
  auto connection = Connection::open(database_path(data_dir), Connection::Mode::write);
  if (!connection) return connection;
  const auto pages = connection->integer("PRAGMA page_count");
  if (!pages) return with_help(data_dir, pages.error());
  // Only takes effect before the first table exists, and later writes all the same: a full disk
  // would end the start.
  if (*pages == 0) {
    auto done = connection->execute("PRAGMA auto_vacuum=INCREMENTAL");
    if (!done) return with_help(data_dir, done.error());
  }
  // The log's file gives back what a long reader or a migration made of it.
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA journal_size_limit=67108864"}) {
    if (auto done = connection->execute(pragma); !done) return with_help(data_dir, done.error());
  }
  if (auto done = migrate(*connection, log); !done) return with_help(data_dir, done.error());
  // What is deleted is overwritten: what a student wrote must not stay readable in free pages.
  if (auto done = connection->execute("PRAGMA secure_delete=ON"); !done) {
    return with_help(data_dir, done.error());
  }
  return connection;
}

Result<Connection> open_for_reading(const std::string& data_dir) {
  return Connection::open(database_path(data_dir), Connection::Mode::read);
}

}  // namespace docket::store
