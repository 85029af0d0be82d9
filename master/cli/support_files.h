// Files of this machine: read whole, within a bound, and given to the master for a run. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "master/cli/client.h"
#include "master/cli/run_request.h"
#include "protocol/base/result.h"

namespace docket::cli {

// The content of `path`, or of standard input for "-". not_found, denied or internal when it cannot
// be read, too_large over max_bytes.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// invalid when a base name is not one that Jobe takes, or comes twice.
Status check_names(const std::vector<std::string>& paths);

// PUT files/MD5 for each, one after another.
Result<std::vector<SupportFile>> upload(Client& client, const std::vector<std::string>& paths);

}  // namespace docket::cli
