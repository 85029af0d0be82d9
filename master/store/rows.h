// Jobs and agents as rows: the one place that knows which column holds what. Private to
// master/store.
#pragma once

#include <string>

#include "master/core/events.h"
#include "master/store/sqlite.h"

namespace docket::store {

// Columns in this order in every statement that reads whole or listed jobs.
inline constexpr const char* kListedColumns =
    "id, state, async, language, client_job, cputime_s, received_ms, finished_ms, http_status, "
    "outcome, attempts, files, api_key, idempotency_key, fingerprint";
inline constexpr const char* kWholeColumns =
    "id, state, async, language, client_job, cputime_s, received_ms, finished_ms, http_status, "
    "outcome, attempts, files, api_key, idempotency_key, fingerprint, run_spec, result";
inline constexpr const char* kAgentColumns =
    "name, slots, weight_percent, languages, hold, hold_reason, tags";
inline constexpr const char* kKeyColumns =
    "name, hash, hourly_rate, max_queued, weight, priority, may_async, created_ms, tags";
inline constexpr const char* kAgentKeyColumns = "name, public_key, trust, joined_ms";
inline constexpr const char* kJoinTokenColumns = "id, expires_ms, uses, approve, tags";
inline constexpr const char* kAccessColumns = "name, hash, role, source, created_ms";
inline constexpr const char* kNamedColumns =
    "id, api_key, idempotency_key, fingerprint, received_ms";
// The name of a job that was cancelled or expired is free again.
inline constexpr const char* kNamedRows =
    "jobs WHERE idempotency_key != '' AND state NOT IN (5, 6) ORDER BY id";

inline constexpr const char* kSaveJob =
    "INSERT OR REPLACE INTO jobs (id, state, async, language, client_job, cputime_s, received_ms, "
    "finished_ms, http_status, outcome, attempts, files, api_key, idempotency_key, fingerprint, "
    "run_spec, result, agent) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
inline constexpr const char* kDeleteJob = "DELETE FROM jobs WHERE id = ?";
inline constexpr const char* kSaveAgent =
    "INSERT OR REPLACE INTO agents (name, slots, weight_percent, languages, hold, hold_reason, "
    "tags) VALUES (?,?,?,?,?,?,?)";
inline constexpr const char* kSaveKey =
    "INSERT OR REPLACE INTO api_keys (name, hash, hourly_rate, max_queued, weight, priority, "
    "may_async, created_ms, tags) VALUES (?,?,?,?,?,?,?,?,?)";
inline constexpr const char* kSaveAgentKey =
    "INSERT OR REPLACE INTO agent_keys (name, public_key, trust, joined_ms) VALUES (?,?,?,?)";
inline constexpr const char* kSaveJoinToken =
    "INSERT OR REPLACE INTO join_tokens (id, expires_ms, uses, approve, tags) VALUES (?,?,?,?,?)";
inline constexpr const char* kSaveAccess =
    "INSERT OR REPLACE INTO access_tokens (name, hash, role, source, created_ms) "
    "VALUES (?,?,?,?,?)";

Status save(Statement& save_job, const Job& job);
Status save(Statement& save_agent, const AgentRecord& agent);
Status save(Statement& save_key, const ApiKey& key);
Status save(Statement& save_agent_key, const AgentKey& key);
Status save(Statement& save_join_token, const JoinTokenRecord& token);
Status save(Statement& save_access, const AccessToken& token);

// From a row of kListedColumns or, when `whole`, of kWholeColumns. corrupt when it cannot be read.
Result<Job> read_job(const Statement& row, bool whole);
Result<AgentRecord> read_agent(const Statement& row);           // of kAgentColumns
Result<ApiKey> read_key(const Statement& row);                  // of kKeyColumns
Result<AgentKey> read_agent_key(const Statement& row);          // of kAgentKeyColumns
Result<JoinTokenRecord> read_join_token(const Statement& row);  // of kJoinTokenColumns
Result<AccessToken> read_access(const Statement& row);          // of kAccessColumns
Result<Restored::Named> read_named(const Statement& row);       // of kNamedColumns

}  // namespace docket::store
