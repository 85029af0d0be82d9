// A program of ours, started for a test: its ready line, its stderr, its end. One thread.
// The process is killed when the object goes.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace docket::e2e {

// Where the programs under test stand; from the environment (DOCKET_BIN) or beside this one.
std::string program(const std::string& name);

class Process {
 public:
  Process(const std::string& name, std::vector<std::string> arguments, const std::string& folder,
          std::vector<std::string> environment = {});
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  // Waits for a line that begins with "ready" on stdout and returns its key=value pairs; fails the
  // test when it does not come within timeout_ms.
  std::map<std::string, std::string> wait_ready(int timeout_ms = 20'000);
  // Its exit status once it has ended (128 + signal when killed), or nothing after timeout_ms.
  std::optional<int> wait_exit(int timeout_ms);
  void signal(int number) const;
  // kill -9, and gone when it returns.
  void kill_now();
  bool alive();
  pid_t pid() const { return pid_; }

  std::string out() const;  // all of stdout so far
  std::string err() const;

 private:
  pid_t pid_ = -1;
  std::string out_path_;
  std::string err_path_;
  std::optional<int> status_;
};

// Starts, waits for the end (60 s) and returns status and output.
struct Ended {
  int status;
  std::string out;
  std::string err;
};
Ended run(const std::string& name, std::vector<std::string> arguments, const std::string& folder,
          std::vector<std::string> environment = {}, int timeout_ms = 60'000);

// Asks until it is true or timeout_ms have passed; true when it became so.
template <class Ask>
bool eventually(int timeout_ms, Ask ask);

}  // namespace docket::e2e

#include <chrono>
#include <thread>

template <class Ask>
bool docket::e2e::eventually(int timeout_ms, Ask ask) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    if (ask()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}
