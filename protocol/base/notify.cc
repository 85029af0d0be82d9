#include "protocol/base/notify.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace docket {
namespace {

constexpr MonoMs kMostMs = 10'000;  // a status that people look at may be so old
constexpr timeval kPatience{10, 0};

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// 0 for what is no number.
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : 0;
}

std::string status_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return "STATUS=" + text;
}

}  // namespace

Notifier::Notifier() {
  const std::string_view path = variable("NOTIFY_SOCKET");
  if (path.size() < 2 || path.size() > sizeof to_.sun_path) return;
  if (path[0] != '/' && path[0] != '@') return;
  to_.sun_family = AF_UNIX;
  std::memcpy(to_.sun_path, path.data(), path.size());
  if (path[0] == '@') to_.sun_path[0] = '\0';  // not in the file system
  to_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return;
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const std::int64_t watchdog_us = number(variable("WATCHDOG_USEC"));
  const std::string_view watched = variable("WATCHDOG_PID");
  watched_ = watchdog_us > 0 && (watched.empty() || number(watched) == ::getpid());
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

void Notifier::turned(MonoMs now, const std::string& status) {
  if (due_ == kNever) return;
  send((watched_ ? "WATCHDOG=1\n" : "") + status_line(status), MSG_DONTWAIT);
  due_ = now + every_ms_;
}

void Notifier::send(const std::string& lines, int flags) const {
  if (fd_ < 0) return;
  // A manager that is not there, or reads nothing, is nothing that a judge could mend.
  [[maybe_unused]] const auto sent = ::sendto(fd_, lines.data(), lines.size(), flags | MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&to_), to_size_);
}

}  // namespace docket
