// Reads jobs for the page, the command line and runresults, on connections of its own: one for
// each thread that asks. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "master/core/seams.h"

namespace docket::store {

// The database must exist. unavailable when it cannot be opened. `on_damage` hears, on the asking
// thread, when SQLite finds the database damaged.
Result<std::unique_ptr<JobReader>> open_reader(
    const std::string& data_dir, std::function<void(const std::string&)> on_damage = {});

// The database of a master that has stopped; nobody may open it for writing meanwhile. Refuses what
// a master would refuse to start with, and a layout that one must bring up to date first.
Result<std::unique_ptr<JobReader>> open_stopped(const std::string& data_dir);

}  // namespace docket::store
