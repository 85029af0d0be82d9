#include "master/store/mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "protocol/base/durable.h"

namespace docket::store {

std::string mark_path(const std::string& data_dir) {
  return data_dir + "/docket.db-mark";
}

Result<std::optional<std::uint64_t>> read_mark(const std::string& data_dir) {
  const std::string path = mark_path(data_dir);
  std::error_code failed;
  if (std::filesystem::file_size(path, failed) == 0 || failed)
    return std::optional<std::uint64_t>();
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::uint64_t mark = 0;
  const char* end = line.data() + line.size();
  const auto parsed = std::from_chars(line.data(), end, mark);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Error{ErrorCode::corrupt, path + " cannot be read as the number that it was"};
  }
  return std::optional(mark);
}

MarkFile::~MarkFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status MarkFile::open() {
  const std::string path = mark_path(data_dir_);
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) return system_error("cannot open " + path);
  return sync_folder(data_dir_);
}

Status MarkFile::write(std::uint64_t mark) {
  if (fd_ < 0) {
    if (auto opened = open(); !opened) return opened;
  }
  char line[24];
  const int size =
      std::snprintf(line, sizeof line, "%020llu\n", static_cast<unsigned long long>(mark));
  if (::pwrite(fd_, line, static_cast<std::size_t>(size), 0) != size || ::fdatasync(fd_) != 0) {
    return system_error("cannot write " + mark_path(data_dir_));
  }
  return ok_status();
}

}  // namespace docket::store
