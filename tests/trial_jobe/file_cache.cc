#include "tests/trial_jobe/file_cache.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace docket::trial_jobe {
namespace fs = std::filesystem;

Status FileCache::put(const std::string& id, std::string_view bytes) {
  if (bytes.size() > max_bytes_) return Error{ErrorCode::too_large, "file larger than the cache"};
  std::lock_guard lock(mutex_);
  // Written beside and renamed, so that a run that copies the file now sees old or new, never half.
  const fs::path fresh = folder_ / "put.part";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code error;
  if (out) fs::rename(fresh, folder_ / id, error);
  if (!out || error) {
    return Error{ErrorCode::unavailable, "cannot write " + (folder_ / id).string()};
  }
  ++puts_;
  const auto [entry, is_new] = sizes_.try_emplace(id, 0);
  total_bytes_ += bytes.size();
  total_bytes_ -= entry->second;
  entry->second = bytes.size();
  if (is_new) by_age_.push_back(id);
  while (total_bytes_ > max_bytes_) forget_oldest();
  return ok_status();
}

void FileCache::forget_oldest() {
  const std::string oldest = by_age_.front();
  by_age_.pop_front();
  const auto entry = sizes_.find(oldest);
  total_bytes_ -= entry->second;
  sizes_.erase(entry);
  std::error_code ignored;
  fs::remove(folder_ / oldest, ignored);
}

bool FileCache::has(const std::string& id) const {
  std::lock_guard lock(mutex_);
  return sizes_.contains(id);
}

std::size_t FileCache::puts() const {
  std::lock_guard lock(mutex_);
  return puts_;
}

std::optional<fs::path> FileCache::find(const std::string& id) const {
  if (!has(id)) return std::nullopt;
  return folder_ / id;
}

}  // namespace docket::trial_jobe
