// The one place that sets up spdlog. A program makes its logger once and passes it down.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "protocol/base/result.h"

namespace docket {

using Logger = std::shared_ptr<spdlog::logger>;

// Lines go to stderr: time, level, text. `level` is one of debug, info, warn, error.
// invalid when the level is none of these.
Result<Logger> make_logger(const std::string& program, const std::string& level);

}  // namespace docket
