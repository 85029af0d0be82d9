#include "tests/e2e/small_disk.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace docket::e2e {

namespace fs = std::filesystem;

SmallDisk::SmallDisk(int megabytes) {
  static const bool own = ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  REQUIRE_MESSAGE(own, "these tests need root (or CAP_SYS_ADMIN) to mount a small file system: "
                           << std::strerror(errno));
  const std::string options = "mode=0711,size=" + std::to_string(megabytes) + "m";
  REQUIRE_MESSAGE(::mount("none", path().c_str(), "tmpfs", 0, options.c_str()) == 0,
                  "cannot mount a tmpfs: " << std::strerror(errno));
}

SmallDisk::~SmallDisk() {
  ::umount2(path().c_str(), MNT_DETACH);
}

void SmallDisk::fill(std::uintmax_t leave) const {
  std::ofstream ballast(path() + "/ballast", std::ios::binary | std::ios::app);
  const std::string block(4'096, 'b');
  while (fs::space(path()).available > leave && ballast.write(block.data(), 4'096).flush()) {
  }
}

void SmallDisk::free() const {
  fs::remove(path() + "/ballast");
}

}  // namespace docket::e2e
