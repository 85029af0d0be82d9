// Starts one bubblewrap, feeds on its two streams and sees it end, by itself or by force. Any
// thread; every call stands alone. When it returns, every process of the sandbox is gone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace docket::trial_jobe {

// bubblewrap's --json-status-fd inside the started command.
inline constexpr int kStatusFd = 3;

struct Watch {
  int wall_ms = 0;               // then everything in the sandbox is killed
  std::size_t stream_bytes = 0;  // kept of each stream; the rest is read and dropped
  int stop_fd = -1;              // once readable everything in the sandbox is killed
};

struct Seen {
  bool started = false;   // the command inside really ran; if not, `err` says why
  int exit_code = 0;      // 128 + N when signal N ended the shell's last command
  bool overtime = false;  // killed at wall_ms
  bool stopped = false;   // killed because of stop_fd
  double cpu_s = 0;       // of all processes that were waited for
  std::string out;
  std::string err;
};

// unavailable when no process can be started. `command` is the whole command line, its first word a
// path; `input` is what it reads as standard input.
Result<Seen> supervise(const std::vector<std::string>& command, std::string_view input,
                       const Watch& watch);

}  // namespace docket::trial_jobe
