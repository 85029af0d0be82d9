#include "protocol/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace docket {

Result<Logger> make_logger(const std::string& program, const std::string& level) {
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return Error{ErrorCode::invalid,
                 "log-level: '" + level + "' is none of debug, info, warn, error"};
  }
  auto logger =
      std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::from_str(level));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %n %l %v");
  logger->flush_on(spdlog::level::info);
  return logger;
}

}  // namespace docket
