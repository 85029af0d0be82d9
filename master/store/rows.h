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
    "outcome, attempts, files";
inline constexpr const char* kWholeColumns =
    "id, state, async, language, client_job, cputime_s, received_ms, finished_ms, http_status, "
    "outcome, attempts, files, run_spec, result";

inline constexpr const char* kSaveJob =
    "INSERT OR REPLACE INTO jobs (id, state, async, language, client_job, cputime_s, received_ms, "
    "finished_ms, http_status, outcome, attempts, files, run_spec, result, agent) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
inline constexpr const char* kSaveAgent =
    "INSERT OR REPLACE INTO agents (name, slots, weight_percent, languages) VALUES (?,?,?,?)";

Status save(Statement& save_job, const Job& job);
Status save(Statement& save_agent, const AgentRecord& agent);

// From a row of kListedColumns or, when `whole`, of kWholeColumns. corrupt when it cannot be read.
Result<Job> read_job(const Statement& row, bool whole);
Result<AgentRecord> read_agent(const Statement& row);  // columns as in kSaveAgent

}  // namespace docket::store
