#include "agent/spool/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "protocol/base/durable.h"
#include "protocol/codec.h"

namespace docket::agent {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSuffix = ".result";
constexpr const char* kUnread = ".unread";  // put behind it

Status write_synced(const std::string& path, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("cannot create " + path);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    done += static_cast<std::size_t>(written);
  }
  const bool synced = done == bytes.size() && ::fdatasync(fd) == 0;
  Status kept = synced ? ok_status() : Status(system_error("cannot write " + path));
  ::close(fd);
  return kept;
}

}  // namespace

Result<ResultSpool> ResultSpool::open(const std::string& data_dir) {
  const std::string dir = data_dir + "/results";
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (failed || ::access(dir.c_str(), W_OK) != 0) {
    return Error{ErrorCode::unavailable,
                 "cannot write to " + dir + ": " +
                     (failed ? failed.message() : std::string(std::strerror(errno)))};
  }
  return ResultSpool(dir);
}

std::string ResultSpool::path_of(const AttemptId& id) const {
  return dir_ + "/" + id.job.text() + "." + std::to_string(id.attempt) + kSuffix;
}

std::vector<Finished> ResultSpool::load() const {
  std::vector<Finished> results;
  std::error_code failed;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir_, failed)) files.push_back(entry.path());
  for (const fs::path& path : files) {
    std::error_code ignored;
    const bool unread = path.extension() == kUnread;
    if (!unread && path.extension() != kSuffix) {
      fs::remove(path, ignored);
      continue;
    }
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    auto message = decode_to_master(bytes);
    auto* result = message ? std::get_if<Finished>(&*message) : nullptr;
    if (result == nullptr) {
      // Perhaps a later version wrote it and will be back.
      if (!unread) fs::rename(path, path.string() + kUnread, ignored);
      continue;
    }
    if (unread) fs::rename(path, path_of(result->id), ignored);
    results.push_back(std::move(*result));
  }
  return results;
}

Status ResultSpool::keep(const Finished& result) {
  Status written = write(result);
  if (!written) unsaved_.insert_or_assign(result.id, result);
  return written;
}

Status ResultSpool::write(const Finished& result) const {
  const std::string path = path_of(result.id);
  const std::string half = path + ".half";
  Status done = write_synced(half, encode(ToMaster(result)));
  if (done && ::rename(half.c_str(), path.c_str()) != 0) {
    done = system_error("cannot rename " + half);
  }
  if (!done) {
    ::unlink(half.c_str());
    return done;
  }
  return sync_folder(dir_);
}

void ResultSpool::retry() {
  std::erase_if(unsaved_, [this](const auto& entry) { return write(entry.second).ok(); });
}

void ResultSpool::forget(const AttemptId& id) {
  unsaved_.erase(id);
  std::error_code ignored;
  fs::remove(path_of(id), ignored);
}

}  // namespace docket::agent
