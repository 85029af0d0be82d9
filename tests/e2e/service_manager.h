// A service manager's end of sd_notify(3), for a test: the socket that a program is told of, and
// what arrives there. One thread.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <string>

namespace docket::test {

class ServiceManager {
 public:
  explicit ServiceManager(std::string path)
      : path_(std::move(path)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un here{};
    here.sun_family = AF_UNIX;
    REQUIRE(path_.size() < sizeof here.sun_path);
    std::memcpy(here.sun_path, path_.c_str(), path_.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0);
  }
  ~ServiceManager() {
    ::close(fd_);
    if (kept_ >= 0) ::close(kept_);
  }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  const std::string& path() const { return path_; }

  // The socket that the program gave to be kept, last of those in the messages taken; or -1.
  int kept() const { return kept_; }

  // The next message, or nothing after timeout_ms.
  std::optional<std::string> next(int timeout_ms) {
    pollfd poller{fd_, POLLIN, 0};
    if (::poll(&poller, 1, timeout_ms) != 1) return std::nullopt;
    char bytes[4'096];
    iovec text{bytes, sizeof bytes};
    alignas(cmsghdr) char rights[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = rights;
    message.msg_controllen = sizeof rights;
    const auto size = ::recvmsg(fd_, &message, 0);
    REQUIRE(size >= 0);
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message)) {
      if (kept_ >= 0) ::close(kept_);
      std::memcpy(&kept_, CMSG_DATA(header), sizeof kept_);
    }
    return std::string(bytes, static_cast<std::size_t>(size));
  }

  // The next message that has `part` in it; those before it are dropped. Nothing after timeout_ms.
  std::optional<std::string> next_with(const std::string& part, int timeout_ms) {
    using std::chrono::steady_clock;
    const auto end = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      auto message = next(static_cast<int>(left.count()));
      if (message && message->find(part) != std::string::npos) return message;
    }
  }

  void drop_all() {
    while (next(0)) {
    }
  }

 private:
  std::string path_;
  int fd_;
  int kept_ = -1;
};

}  // namespace docket::test
