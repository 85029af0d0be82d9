#include "protocol/base/notify.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "protocol/base/environment.h"

namespace docket {
namespace {

constexpr MonoMs kMostMs = 10'000;  // a status that people look at may be so old
constexpr timeval kPatience{10, 0};

std::string status_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return "STATUS=" + text;
}

}  // namespace

Notifier::Notifier() {
  const std::string_view path = environment("NOTIFY_SOCKET");
  if (path.size() < 2 || path.size() > sizeof to_.sun_path) return;
  if (path[0] != '/' && path[0] != '@') return;
  to_.sun_family = AF_UNIX;
  std::memcpy(to_.sun_path, path.data(), path.size());
  if (path[0] == '@') to_.sun_path[0] = '\0';  // not in the file system
  to_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return;
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const std::int64_t watchdog_us = environment_number("WATCHDOG_USEC");
  const bool ours =
      environment("WATCHDOG_PID").empty() || environment_number("WATCHDOG_PID") == ::getpid();
  watched_ = watchdog_us > 0 && ours;
  // Three times in each period, so that one late turn is no alarm.
  every_ms_ = watched_ ? std::clamp<MonoMs>(watchdog_us / 3'000, 1, kMostMs) : kMostMs;
  due_ = 0;
}

Notifier::~Notifier() {
  if (fd_ >= 0) ::close(fd_);
}

void Notifier::ready(const std::string& status) const {
  send("READY=1\n" + status_line(status), 0);
}

void Notifier::stopping(std::uint32_t within_ms) const {
  send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(within_ms) + "000\n" +
           status_line("finishing what runs"),
       0);
}

void Notifier::keep(const std::string& name, int socket) const {
  // What was kept before may listen elsewhere.
  send("FDSTOREREMOVE=1\nFDNAME=" + name, 0);
  send("FDSTORE=1\nFDNAME=" + name, 0, socket);
}

void Notifier::turned(MonoMs now, const std::string& status) {
  if (due_ == kNever) return;
  send((watched_ ? "WATCHDOG=1\n" : "") + status_line(status), MSG_DONTWAIT);
  due_ = now + every_ms_;
}

void Notifier::send(const std::string& lines, int flags, int socket) const {
  if (fd_ < 0) return;
  iovec text{const_cast<char*>(lines.data()), lines.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_un*>(&to_);
  message.msg_namelen = to_size_;
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char rights[CMSG_SPACE(sizeof socket)] = {};
  if (socket >= 0) {
    message.msg_control = rights;
    message.msg_controllen = sizeof rights;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof socket);
    std::memcpy(CMSG_DATA(header), &socket, sizeof socket);
  }
  // A manager that is not there, or reads nothing, is nothing that a judge could mend.
  [[maybe_unused]] const auto sent = ::sendmsg(fd_, &message, flags | MSG_NOSIGNAL);
}

}  // namespace docket
