// The overview and the list of jobs with their tables filled in: what is seen before their scripts
// run, and where none do. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "master/core/snapshot.h"
#include "master/http/api/jobs_query.h"

namespace docket::http {

inline constexpr std::uint32_t kOverviewJobs = 20;

// `page` is the file with its holes (web/assets.h).
std::string overview_page(std::string_view page, const Snapshot& snapshot,
                          const std::vector<Job>& jobs, WallMs now);
// `asked` is the query of the page's own address, for the link to what is older.
std::string jobs_page(std::string_view page, const QueryFields& asked, const Result<JobPage>& found,
                      WallMs now);

}  // namespace docket::http
