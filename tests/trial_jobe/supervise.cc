#include "tests/trial_jobe/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace docket::trial_jobe {
namespace {

using Clock = std::chrono::steady_clock;

// After a kill the streams close within milliseconds; this bound only saves us from a kernel that
// does not let go of a process.
constexpr int kAfterKillMs = 5'000;
constexpr std::size_t kStatusBytes = 4'096;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Fd reader;
  Fd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{ErrorCode::unavailable, std::string("pipe: ") + std::strerror(errno)};
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A file in memory, so that a program can seek in its input as in Jobe's.
Result<Fd> input_file(std::string_view input) {
  Fd file(::memfd_create("input", MFD_CLOEXEC));
  while (file.is_open() && !input.empty()) {
    const auto written = ::write(file.get(), input.data(), input.size());
    if (written <= 0) break;
    input.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!file.is_open() || !input.empty() || ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return Error{ErrorCode::unavailable, std::string("input: ") + std::strerror(errno)};
  }
  return file;
}

// A stream read to its end, of which the first bytes are kept.
class Stream {
 public:
  Stream(Fd fd, std::size_t keep) : fd_(std::move(fd)), keep_(keep) {}

  bool is_open() const { return fd_.is_open(); }
  pollfd to_poll() const { return {fd_.get(), POLLIN, 0}; }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

  void read_some() {
    std::array<char, 65'536> buffer;
    const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      fd_.close();
      return;
    }
    text_.append(buffer.data(), std::min(static_cast<std::size_t>(got), keep_ - text_.size()));
  }

 private:
  Fd fd_;
  std::size_t keep_;
  std::string text_;
};

// glibc 2.36 declares these without extern "C".
int open_pidfd(pid_t process) {
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}
bool kill_pidfd(int pidfd) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) == 0;
}

// The number behind "name": in bubblewrap's status documents, -1 while it is not there.
int status_number(const std::string& status, const char* name) {
  const std::string key = std::string("\"") + name + "\":";
  const auto at = status.find(key);
  if (at == std::string::npos) return -1;
  const auto end = status.find_first_of(",}", at);
  if (end == std::string::npos) return -1;
  return std::atoi(status.c_str() + at + key.size());
}

Result<pid_t> spawn(const std::vector<std::string>& command, int in, int out, int err, int status) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // The sources are close-on-exec and above kStatusFd or equal to their target, which is fine.
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, status, kStatusFd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kStatusFd + 1);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::array<char*, 1> no_environment{nullptr};
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, words[0], &actions, &attributes, words.data(), no_environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failure != 0) {
    return Error{ErrorCode::unavailable, command[0] + ": " + std::strerror(failure)};
  }
  return child;
}

// One started bubblewrap. Its monitor process is our child; the sandbox's first process, whose
// death ends all others in it, is known from the status pipe.
class Running {
 public:
  Running(pid_t monitor, Fd out, Fd err, Fd status, const Watch& watch)
      : monitor_(monitor),
        watch_(watch),
        deadline_(Clock::now() + std::chrono::milliseconds(watch.wall_ms)),
        out_(std::move(out), watch.stream_bytes),
        err_(std::move(err), watch.stream_bytes),
        status_(std::move(status), kStatusBytes) {}

  Seen to_the_end() {
    while (out_.is_open() || err_.is_open() || status_.is_open()) {
      if (!turn()) break;
    }
    if (out_.is_open() || err_.is_open()) ::kill(monitor_, SIGKILL);
    return reap();
  }

 private:
  // False when even the bound after the kill is over.
  bool turn() {
    std::array<pollfd, 4> polled{out_.to_poll(), err_.to_poll(), status_.to_poll(),
                                 pollfd{killed_ ? -1 : watch_.stop_fd, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(std::max<long>(0, left.count())));
    if (ready < 0) return true;  // EINTR
    if (Clock::now() >= deadline_) {
      if (killed_) return false;
      seen_.overtime = true;
      kill_all();
    }
    if (polled[0].revents != 0) out_.read_some();
    if (polled[1].revents != 0) err_.read_some();
    if (polled[2].revents != 0) read_status();
    if (polled[3].revents != 0 && !killed_) {
      seen_.stopped = true;
      kill_all();
    }
    return true;
  }

  void read_status() {
    status_.read_some();
    if (first_.is_open()) return;
    const int first = status_number(status_.text(), "child-pid");
    if (first > 0) first_ = Fd(open_pidfd(first));
  }

  // The sandbox's first process goes first: then the monitor sees its end, reports and leaves, and
  // its end tells us that nothing in the sandbox is alive any more.
  void kill_all() {
    killed_ = true;
    deadline_ = Clock::now() + std::chrono::milliseconds(kAfterKillMs);
    if (!first_.is_open() || !kill_pidfd(first_.get())) ::kill(monitor_, SIGKILL);
  }

  Seen reap() {
    int wait_status = 0;
    rusage usage{};
    while (::wait4(monitor_, &wait_status, 0, &usage) < 0 && errno == EINTR) continue;
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    seen_.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    const int exit_code = status_number(status_.text(), "exit-code");
    seen_.started = exit_code >= 0 || killed_;
    seen_.exit_code = std::max(0, exit_code);
    seen_.out = out_.take();
    seen_.err = err_.take();
    return std::move(seen_);
  }

  pid_t monitor_;
  Watch watch_;
  Clock::time_point deadline_;  // of the run, then of its dying
  bool killed_ = false;
  Fd first_;  // pidfd of the sandbox's first process
  Stream out_;
  Stream err_;
  Stream status_;
  Seen seen_;
};

}  // namespace

Result<Seen> supervise(const std::vector<std::string>& command, std::string_view input,
                       const Watch& watch) {
  auto in = input_file(input);
  if (!in) return in.error();
  std::array<Pipe, 3> pipes;
  for (auto& pipe : pipes) {
    auto made = make_pipe();
    if (!made) return made.error();
    pipe = std::move(made).value();
  }
  const auto child = spawn(command, in->get(), pipes[0].writer.get(), pipes[1].writer.get(),
                           pipes[2].writer.get());
  if (!child) return child.error();
  for (auto& pipe : pipes) pipe.writer.close();
  Running running(child.value(), std::move(pipes[0].reader), std::move(pipes[1].reader),
                  std::move(pipes[2].reader), watch);
  return running.to_the_end();
}

}  // namespace docket::trial_jobe
