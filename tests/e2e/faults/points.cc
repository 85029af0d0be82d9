#include "tests/e2e/faults/points.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

namespace docket::faults {
namespace {

struct Plan {
  std::mutex mutex;
  std::vector<std::string> steps;
  std::size_t next = 0;
  int delay_ms = 0;
  int hold_ms = 0;
  std::string mark;
  std::atomic<bool> waiting = false;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Never destroyed: other threads call to the very end.
Plan& plan() {
  static Plan* const only = [] {
    auto* made = new Plan;
    std::istringstream lines(variable("DOCKET_FAULT_STEPS"));
    for (std::string line; std::getline(lines, line);) made->steps.push_back(line);
    made->delay_ms = std::atoi(variable("DOCKET_FAULT_DELAY_MS").c_str());
    made->hold_ms = std::atoi(variable("DOCKET_FAULT_HOLD_MS").c_str());
    made->mark = variable("DOCKET_FAULT_MARK");
    made->waiting = !made->steps.empty();
    return made;
  }();
  return *only;
}

std::string event(Moment moment, const char* call, std::string_view detail) {
  constexpr const char* kNames[] = {"before ", "half ", "after "};
  return kNames[static_cast<int>(moment)] + std::string(call) + " " + std::string(detail);
}

bool matches(const std::string& pattern, const std::string& what) {
  return ::fnmatch(pattern.c_str(), what.c_str(), 0) == 0;
}

// By system calls, because the C library's functions lead back to us.
void write_mark(const std::string& path, const std::string& what) {
  const long fd = ::syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) return;
  ::syscall(SYS_write, fd, what.data(), what.size());
  ::syscall(SYS_close, fd);
}

[[noreturn]] void kill_myself(const std::string& mark, const std::string& what) {
  write_mark(mark, what);
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

void sleep_ms(int ms) {
  const timespec wait{ms / 1'000, ms % 1'000 * 1'000'000L};
  ::nanosleep(&wait, nullptr);
}

void end(const Plan& plan, const std::string& what) {
  if (plan.hold_ms > 0) {
    write_mark(plan.mark, what);
    return sleep_ms(plan.hold_ms);
  }
  if (plan.delay_ms == 0) kill_myself(plan.mark, what);
  std::thread([mark = plan.mark, what, delay_ms = plan.delay_ms] {
    sleep_ms(delay_ms);
    kill_myself(mark, what);
  }).detach();
}

}  // namespace

bool waiting() {
  return plan().waiting.load(std::memory_order_relaxed);
}

void reach(Moment moment, const char* call, std::string_view detail) {
  Plan& plan = faults::plan();
  const std::string what = event(moment, call, detail);
  std::unique_lock lock(plan.mutex);
  if (plan.next == plan.steps.size() || !matches(plan.steps[plan.next], what)) return;
  if (++plan.next < plan.steps.size()) return;
  plan.waiting = false;
  lock.unlock();
  end(plan, what);
}

bool ends_halfway(const char* call, std::string_view detail) {
  Plan& plan = faults::plan();
  const std::lock_guard lock(plan.mutex);
  return plan.next + 1 == plan.steps.size() &&
         matches(plan.steps[plan.next], event(Moment::half, call, detail));
}

std::string excerpt(const void* bytes, std::size_t size) {
  constexpr std::size_t kMost = 600;
  std::string text(static_cast<const char*>(bytes), std::min(size, kMost));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin);
}

}  // namespace docket::faults
