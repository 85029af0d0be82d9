// The jobs of a master that does not run, read from its folder. For `docket jobs list --offline`:
// one thread, and no master may run on the folder meanwhile.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace docket::offline {

// What GET /api/v1/jobs?QUERY would answer. The folder is held meanwhile, as a master holds it;
// database and log stay as they are. conflict while a master runs on it, denied when the database
// is another user's, not_found when there is none.
Result<std::string> list_jobs(const std::string& data_dir, const std::string& query);

}  // namespace docket::offline
