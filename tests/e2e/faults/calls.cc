// The calls at which a process can be made to die: those of libc, SQLite and ZeroMQ that our
// programs make through the dynamic linker. Preloaded; each does what it is named after and tells
// points.h of it. Nothing here changes what a call does, except that the last one may be cut short.
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/e2e/faults/points.h"

using docket::faults::ends_halfway;
using docket::faults::excerpt;
using docket::faults::Moment;
using docket::faults::reach;
using docket::faults::waiting;

namespace {

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

template <class Real>
auto around(const char* call, const std::string& detail, Real real) {
  reach(Moment::before, call, detail);
  const auto result = real();
  if (result >= 0) reach(Moment::after, call, detail);
  return result;
}

// A call that writes `size` bytes by real(size).
template <class Real>
ssize_t around_write(const char* call, const std::string& detail, std::size_t size, Real real) {
  if (ends_halfway(call, detail)) {
    real(size / 2);
    reach(Moment::half, call, detail);
  }
  return around(call, detail, [&] { return real(size); });
}

std::string path_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::array<char, PATH_MAX> path;
  const auto size = ::readlink(link.c_str(), path.data(), path.size());
  return size <= 0 ? "" : std::string(path.data(), static_cast<std::size_t>(size));
}

// The kind of one of our frames (protocol/README.md), empty for anything else.
std::string kind_of(const void* frame, std::size_t size) {
  constexpr std::array kKinds = {
      "",         "Hello", "Welcome",   "Refused",    "Heartbeat", "SandboxReport",
      "Assign",   "",      "FileChunk", "FileAbsent", "Finished",  "Taken",
      "Draining", "Bye",   "Cancel",    "NeedChunk",  "HostReport"};
  const auto* bytes = static_cast<const unsigned char*>(frame);
  std::size_t type = size;  // where it stands: behind the head of an array, short or long
  if (size > 1 && (bytes[0] & 0xf0) == 0x90) type = 1;
  if (size > 3 && bytes[0] == 0xdc) type = 3;
  return type < size && bytes[type] < kKinds.size() ? kKinds[bytes[type]] : "";
}

// Notes that a program was started, by the token on its command line; over kill -9 and restarts.
void note_program(const std::string& command) {
  constexpr const char* kMark = "token-";
  const char* file = std::getenv("DOCKET_FAULT_PROGRAMS");
  const auto begin = command.find(kMark);
  if (file == nullptr || begin == std::string::npos) return;
  const auto end = command.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", begin);
  const std::string line = command.substr(begin, end - begin) + "\n";
  const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0) return;
  ::syscall(SYS_write, fd, line.data(), line.size());
  ::syscall(SYS_close, fd);
}

}  // namespace

extern "C" {

// ---- SQLite

int sqlite3_step(sqlite3_stmt* statement) {
  static const auto real = next<decltype(&::sqlite3_step)>("sqlite3_step");
  static const auto sql_of = next<decltype(&::sqlite3_sql)>("sqlite3_sql");
  if (!waiting()) return real(statement);
  const char* sql = sql_of(statement);  // SQLite's own statements may have none
  return around("sqlite3_step", sql == nullptr ? "" : excerpt(sql, std::strlen(sql)),
                [&] { return real(statement); });
}

int sqlite3_exec(sqlite3* connection, const char* sql, int (*row)(void*, int, char**, char**),
                 void* user, char** problem) {
  static const auto real = next<decltype(&::sqlite3_exec)>("sqlite3_exec");
  const auto call = [&] { return real(connection, sql, row, user, problem); };
  return waiting() ? around("sqlite3_exec", excerpt(sql, std::strlen(sql)), call) : call();
}

// ---- ZeroMQ

int zmq_send(void* socket, const void* bytes, std::size_t size, int flags) {
  static const auto real = next<decltype(&::zmq_send)>("zmq_send");
  const auto call = [&] { return real(socket, bytes, size, flags); };
  return waiting() ? around("zmq_send", kind_of(bytes, size), call) : call();
}

int zmq_msg_recv(zmq_msg_t* message, void* socket, int flags) {
  static const auto real = next<decltype(&::zmq_msg_recv)>("zmq_msg_recv");
  const int size = real(message, socket, flags);
  if (size >= 0 && waiting()) {
    static const auto data_of = next<decltype(&::zmq_msg_data)>("zmq_msg_data");
    reach(Moment::after, "zmq_msg_recv", kind_of(data_of(message), static_cast<std::size_t>(size)));
  }
  return size;
}

// ---- sockets

int accept4(int fd, sockaddr* peer, socklen_t* size, int flags) {
  static const auto real = next<decltype(&::accept4)>("accept4");
  const int accepted = real(fd, peer, size, flags);
  if (accepted >= 0 && waiting()) reach(Moment::after, "accept4", "");
  return accepted;
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static const auto real = next<decltype(&::send)>("send");
  const auto call = [&](std::size_t so_much) { return real(fd, bytes, so_much, flags); };
  return waiting() ? around_write("send", excerpt(bytes, size), size, call) : call(size);
}

ssize_t recv(int fd, void* bytes, std::size_t size, int flags) {
  static const auto real = next<decltype(&::recv)>("recv");
  const ssize_t got = real(fd, bytes, size, flags);
  if (got > 0 && waiting()) {
    reach(Moment::after, "recv", excerpt(bytes, static_cast<std::size_t>(got)));
  }
  return got;
}

// ---- files

ssize_t write(int fd, const void* bytes, std::size_t size) {
  static const auto real = next<decltype(&::write)>("write");
  const auto call = [&](std::size_t so_much) { return real(fd, bytes, so_much); };
  return waiting() ? around_write("write", path_of(fd), size, call) : call(size);
}

ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t at) {
  static const auto real = next<decltype(&::pwrite64)>("pwrite64");
  const auto call = [&](std::size_t so_much) { return real(fd, bytes, so_much, at); };
  return waiting() ? around_write("pwrite64", path_of(fd), size, call) : call(size);
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  const auto call = [&] { return real(from, to); };
  return waiting() ? around("rename", to, call) : call();
}

int remove(const char* path) noexcept {
  static const auto real = next<int (*)(const char*)>("remove");
  const auto call = [&] { return real(path); };
  return waiting() ? around("remove", path, call) : call();
}

// ---- programs

int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* arguments,
                char* const* environment) {
  static const auto real = next<decltype(&::posix_spawn)>("posix_spawn");
  // What matters of our long command lines is the script at their end.
  std::string script;
  for (char* const* argument = arguments; *argument != nullptr; ++argument) script = *argument;
  const auto call = [&] {
    note_program(script);
    return real(pid, path, actions, attributes, arguments, environment);
  };
  return waiting() ? around("posix_spawn", excerpt(script.data(), script.size()), call) : call();
}

}  // extern "C"
