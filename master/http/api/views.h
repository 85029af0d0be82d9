// Jobs, agents and the whole cluster as JSON for /api/v1. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/core/why.h"
#include "master/http/api/jobs_query.h"

namespace docket::http {

struct Build {
  std::string version;
  WallMs started = 0;
};

// What the page's light shows, and the sentence that explains it.
struct Light {
  enum class Level { good, attention, bad };
  Level level = Level::good;
  std::string summary;
  std::size_t takes_work = 0;  // agents that do
};
Light light_of(const Snapshot& snapshot);
std::string_view level_name(Light::Level level);

// "ok", "time limit"; what the client's list and page call it.
std::string outcome_words(const Job& job);

std::string status_json(const Snapshot& snapshot, const Build& build);
std::string history_json(const Snapshot& snapshot);
std::string agents_json(const Snapshot& snapshot);
// How agents reach the master, and who waits to be let in. Without a key the link is plain.
std::string link_json(const Snapshot& snapshot, const std::string& public_key,
                      const std::string& address);
std::string jobs_json(const JobPage& page, WallMs now);
std::string files_json(const FileUse& use, const std::vector<FileEntry>& files);
std::string keys_json(const ApiKeys& keys);  // by name, without their hashes
std::string backup_json(const BackupMade& made);
// With its timeline and, if the asker may see it and it is still there, run_spec and result.
std::string job_json(const Job& job, WallMs now, bool source);

std::string why_json(const Why& why);

// Why the master should get no runs now; empty when it should.
std::string why_not_ready(const Snapshot& snapshot);

// A text as a JSON string, as Jobe writes its errors: UTF-8 raw, '/' not escaped, U+2028 and
// U+2029 escaped.
std::string json_text(std::string_view text);

// 2026-11-23T10:00:00.000Z
std::string rfc3339(WallMs time);

}  // namespace docket::http
