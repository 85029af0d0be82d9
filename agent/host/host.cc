#include "agent/host/host.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

namespace docket::agent {
namespace {

std::uint32_t cores() {
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMaxCores);
}

// The fourth field of /proc/loadavg begins with the number of tasks that run or want to; the
// averages before it look back too far to judge a run of a few seconds.
std::uint32_t load_percent() {
  std::ifstream file("/proc/loadavg");
  std::string field;
  for (int i = 0; i < 3; ++i) file >> field;
  std::uint64_t runnable = 0;
  if (!(file >> runnable)) return 0;
  const std::uint64_t others = runnable > 0 ? runnable - 1 : 0;  // this one reads it
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(others * 100 / cores(), kMaxLoadPercent));
}

// What programs can have without swapping.
std::optional<std::uint64_t> free_memory_mb() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemAvailable:")) return std::stoull(line.substr(13)) / 1024;  // kB
  }
  return std::nullopt;
}

// What others than root can have.
std::optional<std::uint64_t> free_disk_mb(const std::string& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >> 20;
}

}  // namespace

std::string watched_folder(const std::string& asked, const std::string& data) {
  constexpr const char* kJobesHome = "/home/jobe";
  if (!asked.empty()) return asked;
  std::error_code ignored;
  return std::filesystem::is_directory(kJobesHome, ignored) ? kJobesHome : data;
}

Result<Host> Host::open(const std::string& folder) {
  if (!free_disk_mb(folder)) {
    return Error{ErrorCode::unavailable,
                 "cannot read the disk of " + folder + ": " + std::strerror(errno)};
  }
  if (!free_memory_mb()) {
    return Error{ErrorCode::unavailable, "cannot read MemAvailable in /proc/meminfo"};
  }
  return Host(folder);
}

HostReport Host::sample() const {
  return {cores(), load_percent(), free_memory_mb().value_or(0), free_disk_mb(folder_).value_or(0)};
}

}  // namespace docket::agent
