// The one place that sets up spdlog. A program makes its logger once and passes it down; any thread
// may log, and the functions here are for any thread too.
//
// A line is one write(2) to stderr or to a file opened for appending: lines of several threads
// never mix, and none waits in a buffer when the process is killed. What a full disk refuses is
// counted and told when lines can be written again; it never stops the program.
#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/base/result.h"

namespace docket {

using Logger = std::shared_ptr<spdlog::logger>;

struct LogOptions {
  std::string level = "info";   // debug, info, warn or error
  std::string format = "text";  // text: time, program, level, key=value; json: one object a line
  std::string file;             // empty: stderr
  std::uint64_t max_file_mb =
      0;  // then FILE becomes FILE.1, in the place of the one before; 0: never
};

// invalid when level or format is unknown, unavailable when the file cannot be opened. The message
// names the setting.
Result<Logger> make_logger(const std::string& program, const LogOptions& options);
Result<Logger> make_logger(const std::string& program, const std::string& level);

// Logs from now on at this level. invalid when it is none.
Status set_log_level(const Logger& log, const std::string& level);

// Opens the file anew, for logrotate. When that fails, lines go on into the one that was open.
Status reopen_log(const Logger& log);

// Tells of floods that are over; to be called every few seconds.
void tell_repeats(const Logger& log);

}  // namespace docket
