#include "protocol/base/kept_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "protocol/base/environment.h"

namespace docket {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr std::int64_t kMost = 64;

}  // namespace

KeptSockets::KeptSockets() {
  const std::int64_t count = environment_number("LISTEN_FDS");
  if (environment_number("LISTEN_PID") != ::getpid() || count < 1 || count > kMost) return;
  std::istringstream names{std::string(environment("LISTEN_FDNAMES"))};
  for (int fd = kFirst; fd < kFirst + static_cast<int>(count); ++fd) {
    std::string name;
    std::getline(names, name, ':');
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) kept_.emplace_back(std::move(name), fd);
  }
}

KeptSockets::~KeptSockets() {
  for (const auto& [name, fd] : kept_) ::close(fd);
}

int KeptSockets::take(const std::string& name) {
  const auto found =
      std::ranges::find_if(kept_, [&](const auto& each) { return each.first == name; });
  if (found == kept_.end()) return -1;
  const int fd = found->second;
  kept_.erase(found);
  return fd;
}

}  // namespace docket
