#include "protocol/base/wake_fd.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "protocol/base/check.h"

namespace docket {

WakeFd::WakeFd() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK_THAT(fd_ >= 0);
}

WakeFd::~WakeFd() {
  ::close(fd_);
}

void WakeFd::raise() {
  const std::uint64_t one = 1;
  // The only failure is a full counter, and then the reader is awake already.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void WakeFd::clear() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
}

bool WakeFd::wait(int timeout_ms) {
  pollfd poller{fd_, POLLIN, 0};
  return ::poll(&poller, 1, timeout_ms) == 1;
}

}  // namespace docket
