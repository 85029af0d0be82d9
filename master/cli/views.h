// The master's answers as text for people. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "master/cli/commands.h"
#include "master/cli/table.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket::cli {

std::string status_text(const nlohmann::json& status, const Look& look);
std::string agents_text(const nlohmann::json& answer, const Look& look);
std::string jobs_text(const nlohmann::json& answer, const Look& look);
// The path with the query that finds them.
std::string jobs_path(const JobsQuery& query);
// A line that says what a run is now, and when that was seen or done.
std::string change_text(const nlohmann::json& job, const Look& look);
std::string job_text(const nlohmann::json& job, const Look& look);
std::string why_text(const nlohmann::json& why, const Look& look);
std::string keys_text(const nlohmann::json& answer, const Look& look);

// The body of POST /api/v1/keys.
std::string key_body(const NewKey& key, const std::string& secret);
std::string agent_text(const nlohmann::json& agent, const Look& look);
std::string test_text(const nlohmann::json& test, const Look& look);
std::string languages_text(const nlohmann::json& answer, const Look& look);
std::string files_text(const nlohmann::json& answer, const Look& look);
// {"languages":[{"id":…,"agents":N,"versions":[{"version":…,"agents":[…]}]}]}, from the agents'
// list: of those that are there, which language is where.
std::string languages_of_agents(const nlohmann::json& answer);
// The one name that begins with `part`, or is it; `part` when there is none, for the master to say
// so; conflict when several begin so.
Result<std::string> matching_name(const std::vector<std::string>& names, const std::string& part);
// Which of the files that `answer` lists no run needs nor has used since, and how many more there
// may be that it does not list.
struct Unused {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::int64_t unlisted = 0;
};
Unused unused_in(const nlohmann::json& answer, WallMs since);

// What `docket top` shows of the three, in so many lines of so many columns.
struct Screen {
  std::size_t lines = 0;  // 0: as many as there are
  std::size_t columns = 0;
};
std::string top_text(const nlohmann::json& status, const nlohmann::json& agents,
                     const nlohmann::json& jobs, const Look& look, const Screen& screen);

std::string tokens_text(const nlohmann::json& answer, const Look& look);
std::string audit_text(const nlohmann::json& answer, const Look& look);

// The one id among `ids` that begins or ends with `part` (letters of either case). not_found when
// there is none, conflict with the candidates when there are several.
Result<std::string> matching_id(const std::vector<std::string>& ids, const std::string& part);

}  // namespace docket::cli
