// Notifier: tells the service manager that started this process how it fares, by the protocol of
// sd_notify(3). Without a service manager nothing is said and nothing is ever due.
//
// Each call sends one datagram. due() and turned() belong to the loop's thread alone, so that a
// loop that hangs stops feeding the watchdog; turned() never waits, also where the manager does not
// read: a judge does not stand still because systemd does. ready() and stopping() are main's and
// wait a while.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include "protocol/base/clock.h"

namespace docket {

class Notifier {
 public:
  // Where to and how often is in the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
  Notifier();
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // `status` is one line for people; control characters in it are replaced.
  void ready(const std::string& status) const;
  // The manager is to keep the socket, by that name, for the program that takes this one's place
  // (kept_sockets.h); instead of one that it may have by that name already.
  void keep(const std::string& name, int socket) const;
  // Ends within so long by itself: the manager shall wait, whatever its unit says.
  void stopping(std::uint32_t within_ms) const;

  // When turned() is to be called; kNever when nobody listens.
  MonoMs due() const { return due_; }
  // The loop turns: feeds the watchdog, if there is one, and shows `status`.
  void turned(MonoMs now, const std::string& status);

 private:
  void send(const std::string& lines, int flags, int socket = -1) const;

  int fd_ = -1;
  sockaddr_un to_{};
  socklen_t to_size_ = 0;
  bool watched_ = false;
  MonoMs every_ms_ = 0;
  MonoMs due_ = kNever;
};

}  // namespace docket
