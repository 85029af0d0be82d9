// What a service manager is told: the words of sd_notify(3), through real sockets.
#include "protocol/base/notify.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/e2e/service_manager.h"
#include "tests/unit/temporary_folder.h"

namespace docket {
namespace {

using test::ServiceManager;

// What a service manager puts into a program's environment; gone with the object.
class Environment {
 public:
  Environment(const std::string& socket, const char* watchdog_us = nullptr,
              const std::string& pid = "") {
    ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
    if (watchdog_us != nullptr) ::setenv("WATCHDOG_USEC", watchdog_us, 1);
    if (!pid.empty()) ::setenv("WATCHDOG_PID", pid.c_str(), 1);
  }
  ~Environment() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

}  // namespace

TEST_CASE("notify: without a service manager nothing is due and nothing is said") {
  Notifier notifier;
  CHECK(notifier.due() == kNever);
  notifier.ready("here");
  notifier.turned(5, "well");
  notifier.stopping(10);
  CHECK(notifier.due() == kNever);
}

TEST_CASE("notify: ready, turning and stopping, each in one message") {
  const test::TemporaryFolder folder;
  ServiceManager manager(folder.path() + "/notify");
  const Environment environment(manager.path(), "30000000", std::to_string(::getpid()));
  Notifier notifier;
  CHECK(notifier.due() == 0);  // the first turn is due at once
  notifier.ready("Jobe API on 0.0.0.0:4000");
  CHECK(manager.next(1'000) == "READY=1\nSTATUS=Jobe API on 0.0.0.0:4000");
  notifier.turned(700, "3 runs waiting");
  CHECK(manager.next(1'000) == "WATCHDOG=1\nSTATUS=3 runs waiting");
  CHECK(notifier.due() == 10'700);  // three times in each period
  notifier.stopping(330'000);
  CHECK(manager.next(1'000) ==
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=330000000\nSTATUS=finishing what runs");
}

TEST_CASE("notify: a status stays one line, so that it says nothing else") {
  const test::TemporaryFolder folder;
  ServiceManager manager(folder.path() + "/notify");
  const Environment environment(manager.path());
  Notifier notifier;
  notifier.turned(0, "no\nMAINPID=1\x1b");
  CHECK(manager.next(1'000) == "STATUS=no?MAINPID=1?");
}

TEST_CASE("notify: a watchdog that is off, another process's or no number is not fed") {
  const test::TemporaryFolder folder;
  ServiceManager manager(folder.path() + "/notify");
  const auto said = [&](const char* watchdog_us, const std::string& pid) {
    const Environment environment(manager.path(), watchdog_us, pid);
    Notifier notifier;
    notifier.turned(0, "well");
    CHECK(notifier.due() == 10'000);  // for the status
    return manager.next(1'000).value_or("");
  };
  CHECK(said(nullptr, "") == "STATUS=well");
  CHECK(said("0", "") == "STATUS=well");
  CHECK(said("30 s", "") == "STATUS=well");
  CHECK(said("30000000", "1") == "STATUS=well");
}

TEST_CASE("notify: a short period is kept, a long one is not waited for") {
  const test::TemporaryFolder folder;
  ServiceManager manager(folder.path() + "/notify");
  const auto due = [&](const char* watchdog_us) {
    const Environment environment(manager.path(), watchdog_us);
    Notifier notifier;
    notifier.turned(0, "");
    CHECK(manager.next(1'000) == "WATCHDOG=1\nSTATUS=");
    return notifier.due();
  };
  CHECK(due("300000") == 100);
  CHECK(due("1000") == 1);
  CHECK(due("600000000") == 10'000);
}

TEST_CASE("notify: a manager that does not read holds no loop up") {
  const test::TemporaryFolder folder;
  ServiceManager manager(folder.path() + "/notify");
  const Environment environment(manager.path(), "1000000");
  Notifier notifier;
  // Far more than the socket takes: a call that waited would wait for ever.
  for (MonoMs now = 0; now < 100'000; ++now) notifier.turned(now, std::string(500, 's'));
  manager.drop_all();
  notifier.turned(0, "again");
  CHECK(manager.next(1'000) == "WATCHDOG=1\nSTATUS=again");
}

TEST_CASE("notify: a socket without a name in the file system, and one that is none") {
  const test::TemporaryFolder folder;
  for (const char* wrong : {"", "@", "relative/notify", "vsock:2:1234"}) {
    const Environment environment(wrong, "1000000");
    CHECK(Notifier().due() == kNever);
  }
  {
    const Environment environment("/" + std::string(200, 'x'));
    CHECK(Notifier().due() == kNever);
  }
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const std::string name = "docket-notify-" + std::to_string(::getpid());
  sockaddr_un here{};
  here.sun_family = AF_UNIX;
  std::memcpy(here.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&here), size) == 0);
  const Environment environment("@" + name);
  Notifier().ready("well");
  char bytes[64];
  const auto got = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  ::close(fd);
  CHECK(std::string(bytes, got > 0 ? static_cast<std::size_t>(got) : 0) == "READY=1\nSTATUS=well");
}

}  // namespace docket
