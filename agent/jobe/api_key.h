// The API key that the agent's Jobe asks for. Reads a file or the environment.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace docket::agent {

// What stands in the file `path` or, where that is empty, in the environment's DOCKET_JOBE_KEY;
// empty when there is none. Never from the command line, which every user of the host can read, and
// in no message.
Result<std::string> read_jobe_key(const std::string& path);

}  // namespace docket::agent
