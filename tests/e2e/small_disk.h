// A small file system of a test's own, to be filled.
#pragma once

#include <cstdint>
#include <string>

#include "tests/e2e/cluster.h"

namespace docket::e2e {

// A tmpfs of so many MB in a mount namespace of this process and its children: it goes with them
// however they end. Needs root or CAP_SYS_ADMIN, and says so.
class SmallDisk {
 public:
  explicit SmallDisk(int megabytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return folder_.path(); }

  // Takes what room there is, all but so many bytes.
  void fill(std::uintmax_t leave) const;
  void free() const;

 private:
  Folder folder_;
};

}  // namespace docket::e2e
