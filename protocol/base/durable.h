// What SQLite does not do for us of making files last: small helpers around errno and fsync.
// Any thread.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace docket {

// unavailable, with what errno says.
Error system_error(const std::string& doing);

// A name that was made, changed or removed in the folder is on disk when it returns.
Status sync_folder(const std::string& path);

}  // namespace docket
