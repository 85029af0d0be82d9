#include "master/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include "protocol/base/ascii.h"
#include "protocol/base/durable.h"
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

bool acceptable_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxNameBytes && std::ranges::all_of(id, is_alphanumeric);
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

// The path of a file that a write left half, or that is on its way out: cleared away at the start.
constexpr std::string_view kPassing = "half.";
constexpr std::string_view kKept = "f.";

class DiskFiles final : public Files {
 public:
  DiskFiles(fs::path dir, std::uint64_t max_bytes, Logger log)
      : dir_(std::move(dir)),
        max_bytes_(max_bytes),
        log_(std::move(log)),
        // Microseconds of this start: no earlier process can have counted as far.
        index_(max_bytes, static_cast<std::uint64_t>(read_clock().wall) * 1'000) {}

  Status load();

  bool has(std::string_view id) override {
    const std::string name(id);
    std::lock_guard lock(mutex_);
    if (!index_.has(name)) return false;
    touch(name);
    return true;
  }

  Result<FileHold> hold(const std::vector<std::string>& ids) override {
    if (ids.empty()) return FileHold();
    std::lock_guard lock(mutex_);
    for (const std::string& id : ids) {
      if (!index_.has(id)) return Error{ErrorCode::not_found, "no file " + id};
    }
    for (const std::string& id : ids) {
      index_.hold(id);
      touch(id);
    }
    return FileHold(std::make_shared<const Held>(*this, ids));
  }

  Status put(std::string_view id, std::string_view content) override;
  Result<FilePiece> read(std::string_view id, std::uint64_t offset,
                         std::size_t most_bytes) override;
  void trim() override;

  FileUse use() const override {
    std::lock_guard lock(mutex_);
    return index_.use();
  }

  std::vector<FileEntry> list(std::size_t most) const override {
    std::lock_guard lock(mutex_);
    return index_.list(most);
  }
  Status remove(std::string_view id) override;
  std::size_t remove_unused(WallMs since, std::size_t most) override;

 private:
  struct Held {
    Held(DiskFiles& store, std::vector<std::string> held) : files(store), ids(std::move(held)) {}
    ~Held() { files.release(ids); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    DiskFiles& files;
    const std::vector<std::string> ids;
  };

  void release(const std::vector<std::string>& ids) {
    std::lock_guard lock(mutex_);
    for (const std::string& id : ids) index_.release(id);
  }

  // mutex_ is held.
  void touch(const std::string& id) {
    if (!index_.touch(id, read_clock().wall)) return;
    // Should it fail, the file is only thought older than it is.
    [[maybe_unused]] const int ignored = ::utimensat(AT_FDCWD, path_of(id).c_str(), nullptr, 0);
  }

  // Spread over folders by the id's first two characters; an id of one character has a folder too.
  fs::path path_of(std::string_view id) const {
    return dir_ / id.substr(0, 2) / (std::string(kKept) + std::string(id));
  }
  // mutex_ is held.
  fs::path passing_path() { return dir_ / (std::string(kPassing) + std::to_string(serial_++)); }

  // mutex_ is held: only moves them aside, because removing a large file takes its time.
  std::vector<fs::path> move_aside(const std::vector<std::string>& gone);
  void clear_away(const std::vector<fs::path>& aside, std::string_view why);
  Status write(const fs::path& half, const std::string& id, std::string_view content);

  const fs::path dir_;
  const std::uint64_t max_bytes_;
  const Logger log_;
  mutable std::mutex mutex_;  // guards the rest, and which file stands under an id
  FileIndex index_;
  std::uint64_t serial_ = 0;
};

Status DiskFiles::load() {
  struct Found {
    std::string id;
    std::uint64_t bytes;
    WallMs used;
  };
  std::vector<Found> found;
  std::error_code failed;
  for (const auto& folder : fs::directory_iterator(dir_, failed)) {
    std::error_code ignored;
    if (!folder.is_directory(ignored)) {
      fs::remove(folder.path(), ignored);  // a half-written file
      continue;
    }
    for (const auto& entry : fs::directory_iterator(folder.path(), ignored)) {
      const std::string name = entry.path().filename().string();
      struct stat facts {};
      if (!name.starts_with(kKept) || !acceptable_id(name.substr(kKept.size()))) continue;
      if (::stat(entry.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
      found.push_back({name.substr(kKept.size()), static_cast<std::uint64_t>(facts.st_size),
                       facts.st_mtim.tv_sec * 1'000 + facts.st_mtim.tv_nsec / 1'000'000});
    }
  }
  if (failed) {
    return Error{ErrorCode::unavailable, "cannot read " + dir_.string() + ": " + failed.message()};
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.used < b.used; });
  std::lock_guard lock(mutex_);
  for (const Found& file : found) index_.restore(file.id, file.bytes, file.used);
  return ok_status();
}

Status DiskFiles::put(std::string_view id_text, std::string_view content) {
  if (!acceptable_id(id_text)) {
    return Error{ErrorCode::invalid, "file id must be letters and digits"};
  }
  if (counted_bytes(content.size()) > max_bytes_) {
    return Error{ErrorCode::too_large, "the file is larger than all that is kept (--files-mb " +
                                           std::to_string(max_bytes_ >> 20) + ")"};
  }
  const std::string id(id_text);
  fs::path half;
  std::vector<fs::path> aside;
  {
    std::lock_guard lock(mutex_);
    const auto gone = index_.reserve(id, content.size());
    if (!gone) {
      return Error{ErrorCode::unavailable, "waiting and running jobs need " +
                                               std::to_string(index_.use().held_bytes >> 20) +
                                               " MB of the " + std::to_string(max_bytes_ >> 20) +
                                               " MB for files (--files-mb)"};
    }
    aside = move_aside(*gone);
    half = passing_path();
  }
  clear_away(aside, "evicted");
  Status written = write(half, id, content);
  if (!written) {
    ::unlink(half.c_str());
    std::lock_guard lock(mutex_);
    index_.give_back(content.size());
    return written;
  }
  const fs::path path = path_of(id);
  {
    std::lock_guard lock(mutex_);
    if (::rename(half.c_str(), path.c_str()) != 0) {
      const Error error = system_error("cannot rename to " + path.string());
      index_.give_back(content.size());
      ::unlink(half.c_str());
      return error;
    }
    index_.add(id, content.size(), read_clock().wall);
  }
  return sync_folder(path.parent_path());
}

Status DiskFiles::write(const fs::path& half, const std::string& id, std::string_view content) {
  std::error_code failed;
  if (fs::create_directories(path_of(id).parent_path(), failed)) {
    if (auto synced = sync_folder(dir_); !synced) return synced;
  }
  const Descriptor fd(::open(half.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (fd.get() < 0) return system_error("cannot create " + half.string());
  Status written = write_all(fd.get(), content);
  if (written && ::fdatasync(fd.get()) != 0) return system_error("cannot sync a support file");
  return written;
}

Result<FilePiece> DiskFiles::read(std::string_view id_text, std::uint64_t offset,
                                  std::size_t most_bytes) {
  const std::string id(id_text);
  FilePiece piece;
  const Descriptor fd([&] {
    std::lock_guard lock(mutex_);  // so that version and content belong together
    piece.version = index_.version(id);
    if (piece.version == 0) return -1;
    const int opened = ::open(path_of(id).c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) index_.lose(id);  // somebody removed it
    return opened;
  }());
  struct stat facts {};
  if (fd.get() < 0 || ::fstat(fd.get(), &facts) != 0) {
    return Error{ErrorCode::not_found, "no file " + id};
  }
  piece.total_bytes = static_cast<std::uint64_t>(facts.st_size);
  const std::uint64_t left = piece.total_bytes - std::min(offset, piece.total_bytes);
  piece.data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, most_bytes)));
  std::size_t have = 0;
  while (have < piece.data.size()) {
    const auto got = ::pread(fd.get(), piece.data.data() + have, piece.data.size() - have,
                             static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_error("cannot read file " + id);
    have += static_cast<std::size_t>(got);
  }
  return piece;
}

void DiskFiles::trim() {
  std::vector<fs::path> aside;
  {
    std::lock_guard lock(mutex_);
    aside = move_aside(index_.trim());
  }
  clear_away(aside, "evicted");
}

Status DiskFiles::remove(std::string_view id_text) {
  const std::string id(id_text);
  std::vector<fs::path> aside;
  {
    std::lock_guard lock(mutex_);
    if (!index_.has(id)) return Error{ErrorCode::not_found, "there is no file " + id};
    if (!index_.drop(id)) {
      return Error{ErrorCode::conflict, "a waiting or running job needs the file " + id};
    }
    aside = move_aside({id});
  }
  clear_away(aside, "removed");
  return ok_status();
}

std::size_t DiskFiles::remove_unused(WallMs since, std::size_t most) {
  std::vector<fs::path> aside;
  {
    std::lock_guard lock(mutex_);
    aside = move_aside(index_.drop_unused(since, most));
  }
  clear_away(aside, "removed");
  return aside.size();
}

std::vector<fs::path> DiskFiles::move_aside(const std::vector<std::string>& gone) {
  std::vector<fs::path> aside;
  for (const std::string& id : gone) {
    const fs::path path = path_of(id);
    aside.push_back(passing_path());
    // The second never fails where the first does, short of a broken disk: then it is found again
    // at the next start.
    if (::rename(path.c_str(), aside.back().c_str()) != 0) ::unlink(path.c_str());
  }
  return aside;
}

void DiskFiles::clear_away(const std::vector<fs::path>& aside, std::string_view why) {
  if (aside.empty()) return;
  for (const fs::path& path : aside) ::unlink(path.c_str());
  const FileUse now = use();
  log_->info("files={} count={} kept={} bytes={} held_bytes={} max_bytes={}", why, aside.size(),
             now.files, now.bytes, now.held_bytes, now.max_bytes);
}

}  // namespace

Result<std::unique_ptr<Files>> open_files(const std::string& data_dir, std::uint64_t max_bytes,
                                          Logger log) {
  const fs::path dir = fs::path(data_dir) / "files";
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed) {
    return Error{ErrorCode::unavailable,
                 "cannot make the folder " + dir.string() + ": " + failed.message()};
  }
  auto files = std::make_unique<DiskFiles>(dir, max_bytes, std::move(log));
  if (auto loaded = files->load(); !loaded) return loaded.error();
  return std::unique_ptr<Files>(std::move(files));
}

}  // namespace docket::store
