// What a list of jobs is asked for with: the query of GET /api/v1/jobs and of the page /jobs, and
// pages of an answer. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/seams.h"
#include "master/http/api/query.h"

namespace docket::http {

inline constexpr std::uint32_t kMostListedJobs = 1'000;

// state, language, agent, key, outcome (a number or a name), from, to, text, limit and cursor; an
// empty value is none. invalid names the parameter and what it must be. `now` is for times that are
// told as an age.
Result<JobFilter> read_jobs_query(const QueryFields& fields, WallMs now);

// "2026-11-23T10:00:00Z", with a fraction or an offset such as +01:00 if wanted, or an age: "90s",
// "15m", "24h", "7d". Nothing when it is neither.
std::optional<WallMs> read_moment(std::string_view text, WallMs now);

struct JobPage {
  std::vector<Job> jobs;      // newest first
  std::optional<JobId> next;  // the cursor of the next page; nothing: this is the last
};
Result<JobPage> read_page(JobReader& jobs, JobFilter filter);

}  // namespace docket::http
