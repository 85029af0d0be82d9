// WakeFd: an eventfd. raise() from any thread or signal handler makes fd() readable until clear().
#pragma once

namespace docket {

class WakeFd {
 public:
  WakeFd();
  ~WakeFd();
  WakeFd(const WakeFd&) = delete;
  WakeFd& operator=(const WakeFd&) = delete;

  void raise();
  void clear();
  // Sleeps until raised or until timeout_ms have passed (-1: without limit). True when raised.
  bool wait(int timeout_ms);
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace docket
