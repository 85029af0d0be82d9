#include "protocol/base/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace docket {

Error system_error(const std::string& doing) {
  return {ErrorCode::unavailable, doing + ": " + std::strerror(errno)};
}

Status sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  Status done = synced ? ok_status() : Status(system_error("cannot sync the folder " + path));
  if (folder >= 0) ::close(folder);
  return done;
}

}  // namespace docket
