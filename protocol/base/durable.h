// What SQLite does not do for us of making files last: small helpers around errno and fsync.
// Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket {

// unavailable, with what errno says.
Error system_error(const std::string& doing);

// A name that was made, changed or removed in the folder is on disk when it returns.
Status sync_folder(const std::string& path);

// The file has this text and mode when it returns, over a power cut too; before, it had none of it.
Status write_durably(const std::string& path, std::string_view text, mode_t mode);

}  // namespace docket
