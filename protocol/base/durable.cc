#include "protocol/base/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
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

Status write_durably(const std::string& path, std::string_view text, mode_t mode) {
  const std::string half = path + ".half";
  ::unlink(half.c_str());
  const int file = ::open(half.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return system_error("cannot create " + half);
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fchmod(file, mode) == 0 && ::fsync(file) == 0;
  const Error error = system_error("cannot write " + half);
  ::close(file);
  if (!written) return error;
  if (::rename(half.c_str(), path.c_str()) != 0) return system_error("cannot rename " + half);
  const auto slash = path.rfind('/');
  return sync_folder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

}  // namespace docket
