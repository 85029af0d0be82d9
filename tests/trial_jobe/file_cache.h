// Support files as clients PUT them, on disk, bounded: above the bound the oldest go. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::trial_jobe {

inline constexpr std::size_t kFileCacheBytes = 1u << 30;
inline constexpr std::size_t kMaxFileIdBytes = 200;  // it is a file name here

class FileCache {
 public:
  FileCache(std::filesystem::path folder, std::size_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}

  // Replaces a file of the same id. `id` is letters and digits only. unavailable when it cannot be
  // written, too_large when it is longer than the whole cache.
  Status put(const std::string& id, std::string_view bytes);
  bool has(const std::string& id) const;
  std::size_t puts() const;  // that succeeded, since the start
  // Where the file is, if it is there. It may be gone by the time it is opened.
  std::optional<std::filesystem::path> find(const std::string& id) const;

 private:
  void forget_oldest();

  const std::filesystem::path folder_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;  // guards all below, and the names in folder_
  std::map<std::string, std::size_t> sizes_;
  std::deque<std::string> by_age_;  // each id once, oldest first
  std::size_t total_bytes_ = 0;
  std::size_t puts_ = 0;
};

}  // namespace docket::trial_jobe
