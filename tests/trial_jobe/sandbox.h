// Runs one shell line in bubblewrap: no network, no files of the host but its programs, an own
// process tree, limits on time, memory, file size and processes. Any thread; calls are independent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::trial_jobe {

struct Limits {
  double cpu_s =
      5;  // above 0; a process is killed at cpu_s + 1, everything after 2 * cpu_s of wall
  int memory_mb = 0;                     // address space of each process, 0: none
  int disk_mb = 20;                      // of each file
  int processes = 20;                    // threads included
  std::size_t stream_bytes = 2'048'000;  // kept of stdout and of stderr
};

struct Task {
  std::string line;              // for sh, in the work folder
  std::string_view input;        // its standard input
  std::filesystem::path folder;  // the work folder, and the path by which the line knows it
  std::string inside;
  std::optional<unsigned> user;  // who runs it, the folder's owner; needs a server run by root
  Limits limits;
};

struct Finished {
  int exit_code = 0;       // 128 + N when signal N ended it
  bool timed_out = false;  // by the CPU limit or the wall limit
  bool stopped = false;    // by the server's end
  std::string out;
  std::string err;  // the shell's word on a signal included: "Segmentation fault"
};

class Sandbox {
 public:
  // Programs still running when stop_fd becomes readable are killed.
  explicit Sandbox(int stop_fd) : stop_fd_(stop_fd) {}

  // unavailable when the sandbox itself cannot be set up: the host's fault, never the program's.
  Result<Finished> run(const Task& task) const;

 private:
  int stop_fd_;
};

}  // namespace docket::trial_jobe
