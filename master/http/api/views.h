// Jobs, agents and the whole cluster as JSON for /api/v1. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/core/why.h"

namespace docket::http {

struct Build {
  std::string version;
  WallMs started = 0;
};

std::string status_json(const Snapshot& snapshot, const Build& build);
std::string agents_json(const Snapshot& snapshot);
// How agents reach the master, and who waits to be let in. Without a key the link is plain.
std::string link_json(const Snapshot& snapshot, const std::string& public_key,
                      const std::string& address);
std::string jobs_json(const std::vector<Job>& jobs, WallMs now);
std::string keys_json(const ApiKeys& keys);  // by name, without their hashes
std::string backup_json(const BackupMade& made);
std::string job_json(const Job& job, WallMs now);  // with run_spec, result and timeline

std::string why_json(const Why& why);

// A text as a JSON string, as Jobe writes its errors: UTF-8 raw, '/' not escaped, U+2028 and
// U+2029 escaped.
std::string json_text(std::string_view text);

// 2026-11-23T10:00:00.000Z
std::string rfc3339(WallMs time);

}  // namespace docket::http
