#include "tests/trial_jobe/sandbox.h"

#include <cmath>
#include <csignal>
#include <vector>

#include "tests/trial_jobe/supervise.h"

namespace docket::trial_jobe {
namespace {

constexpr const char* kBwrap = "/usr/bin/bwrap";
constexpr const char* kSetpriv = "/usr/bin/setpriv";
constexpr const char* kTmpBytes = "67108864";
constexpr const char* kSharedMemoryBytes = "33554432";
constexpr int kOpenFiles = 256;

// RLIMIT_NPROC counts the sandbox's first process too, the shell.
constexpr int kOwnProcesses = 1;

// The kernel charges whole ticks against the limit and reports measured times: on a busy machine
// they differ by several percent. What is killed with so much of its limit used, the limit killed.
constexpr double kCertainShareOfLimit = 0.8;

// What compilers and interpreters read outside /usr.
constexpr const char* kSettings[] = {"/etc/alternatives",  "/etc/ld.so.cache",     "/etc/fpc.cfg",
                                     "/etc/fpc-3.2.2.cfg", "/etc/java-17-openjdk", "/etc/php",
                                     "/etc/localtime"};

int cpu_limit_s(const Limits& limits) {
  return static_cast<int>(std::ceil(limits.cpu_s)) + 1;
}

// The shell stays as the first process and names on stderr the signal that ended the line, as it
// does under Jobe. It sets its own limits, so the line cannot raise them again.
std::string script(const Task& task) {
  const auto set = [](const char* option, long long value) {
    return std::string("ulimit ") + option + " " + std::to_string(value) + "\n";
  };
  const Limits& limits = task.limits;
  std::string text = set("-c", 0) + set("-S -t", cpu_limit_s(limits)) +
                     set("-H -t", cpu_limit_s(limits) + 1) + set("-n", kOpenFiles) +
                     set("-f", limits.disk_mb * 2048LL) +
                     set("-p", limits.processes + kOwnProcesses);
  if (limits.memory_mb > 0) text += set("-v", limits.memory_mb * 1024LL);
  return text + task.line + "\nexit $?\n";
}

std::vector<std::string> command(const Task& task) {
  std::vector<std::string> words;
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  // bubblewrap cannot change users without a user namespace of root's, in which limits on processes
  // would not bind: so the user is changed before.
  if (task.user) {
    const std::string id = std::to_string(*task.user);
    add({kSetpriv, "--reuid", id, "--regid", id, "--clear-groups", "--"});
  }
  add({kBwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent",
       "--new-session", "--as-pid-1", "--hostname", "jobe"});
  add({"--ro-bind", "/usr", "/usr"});
  for (const char* name : {"bin", "lib", "lib64", "sbin"}) {
    add({"--symlink", std::string("usr/") + name, std::string("/") + name});
  }
  for (const char* path : kSettings) add({"--ro-bind-try", path, path});
  add({"--proc", "/proc", "--dev", "/dev"});
  add({"--size", kSharedMemoryBytes, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"});
  add({"--size", kTmpBytes, "--tmpfs", "/tmp"});
  add({"--bind", task.folder.string(), task.inside, "--remount-ro", "/", "--chdir", task.inside});
  add({"--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LANG", "C.UTF-8"});
  add({"--setenv", "HOME", "/tmp", "--json-status-fd", std::to_string(kStatusFd)});
  add({"--", "/bin/sh", "-c", script(task)});
  return words;
}

}  // namespace

Result<Finished> Sandbox::run(const Task& task) const {
  Watch watch;
  watch.wall_ms = static_cast<int>(std::ceil(task.limits.cpu_s * 2000));
  watch.stream_bytes = task.limits.stream_bytes;
  watch.stop_fd = stop_fd_;
  auto result = supervise(command(task), task.input, watch);
  if (!result) return result.error();
  Seen& seen = result.value();
  if (!seen.started) {
    return Error{ErrorCode::unavailable, "sandbox: " + seen.err.substr(0, seen.err.find('\n'))};
  }
  // The soft limit sends SIGXCPU; a program that survives that is killed a second later.
  const bool over_cpu = seen.exit_code == 128 + SIGXCPU ||
                        (seen.exit_code == 128 + SIGKILL &&
                         seen.cpu_s >= kCertainShareOfLimit * cpu_limit_s(task.limits));
  return Finished{seen.exit_code, seen.overtime || over_cpu, seen.stopped, std::move(seen.out),
                  std::move(seen.err)};
}

}  // namespace docket::trial_jobe
