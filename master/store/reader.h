// Reads jobs for the page, the command line and runresults, on connections of its own: one for
// each thread that asks. Any thread.
#pragma once

#include <memory>
#include <string>

#include "master/core/seams.h"

namespace docket::store {

// The database must exist. unavailable when it cannot be opened.
Result<std::unique_ptr<JobReader>> open_reader(const std::string& data_dir);

}  // namespace docket::store
