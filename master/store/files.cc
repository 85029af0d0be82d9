#include "master/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "protocol/messages.h"

namespace docket::store {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& doing) {
  return {ErrorCode::unavailable, doing + ": " + std::strerror(errno)};
}

bool acceptable_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxNameBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error("cannot write a support file");
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok_status();
}

bool sync_folder(const fs::path& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.get() >= 0 && ::fsync(folder.get()) == 0;
}

class DiskFiles final : public FileStore {
 public:
  explicit DiskFiles(fs::path dir) : dir_(std::move(dir)) {}

  bool has(std::string_view id) override {
    struct stat facts {};
    return acceptable_id(id) && ::stat(path_of(id).c_str(), &facts) == 0;
  }

  Status put(std::string_view id, std::string_view content) override {
    if (!acceptable_id(id)) return Error{ErrorCode::invalid, "file id must be letters and digits"};
    const fs::path path = path_of(id);
    std::error_code failed;
    if (fs::create_directories(path.parent_path(), failed) && !sync_folder(dir_)) {
      return system_error("cannot sync " + dir_.string());
    }
    const fs::path half = dir_ / ("half." + std::to_string(serial_++));
    {
      const Descriptor fd(::open(half.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
      if (fd.get() < 0) return system_error("cannot create " + half.string());
      Status written = write_all(fd.get(), content);
      if (written && ::fdatasync(fd.get()) != 0)
        written = system_error("cannot sync a support file");
      if (!written) {
        ::unlink(half.c_str());
        return written;
      }
    }
    if (::rename(half.c_str(), path.c_str()) != 0) {
      const Error error = system_error("cannot rename to " + path.string());
      ::unlink(half.c_str());
      return error;
    }
    if (!sync_folder(path.parent_path())) {
      return system_error("cannot sync " + path.parent_path().string());
    }
    return ok_status();
  }

  Result<std::string> get(std::string_view id) override {
    if (!acceptable_id(id)) return Error{ErrorCode::not_found, "no such file"};
    const Descriptor fd(::open(path_of(id).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (fd.get() < 0 || ::fstat(fd.get(), &facts) != 0) {
      return Error{ErrorCode::not_found, "no file " + std::string(id)};
    }
    std::string content(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
      const auto got = ::read(fd.get(), content.data() + have, content.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return system_error("cannot read file " + std::string(id));
      have += static_cast<std::size_t>(got);
    }
    return content;
  }

 private:
  // Spread over folders by the id's first two characters; an id of one character has a folder too.
  fs::path path_of(std::string_view id) const {
    return dir_ / id.substr(0, 2) / ("f." + std::string(id));
  }

  const fs::path dir_;
  std::atomic<std::uint64_t> serial_ = 0;
};

}  // namespace

Result<std::unique_ptr<FileStore>> open_files(const std::string& data_dir) {
  const fs::path dir = fs::path(data_dir) / "files";
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed) {
    return Error{ErrorCode::unavailable,
                 "cannot make the folder " + dir.string() + ": " + failed.message()};
  }
  for (const auto& entry : fs::directory_iterator(dir, failed)) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) fs::remove(entry.path(), ignored);  // a half-written file
  }
  return std::unique_ptr<FileStore>(std::make_unique<DiskFiles>(dir));
}

}  // namespace docket::store
