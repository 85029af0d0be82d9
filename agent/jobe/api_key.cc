#include "agent/jobe/api_key.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace docket::agent {

Result<std::string> read_jobe_key(const std::string& path) {
  constexpr std::size_t kMostKeyBytes = 1'000;
  const char* setting = path.empty() ? "DOCKET_JOBE_KEY" : "jobe-key-file";
  std::string key;
  if (path.empty()) {
    const char* value = std::getenv(setting);
    if (value == nullptr) return key;
    key = value;
  } else {
    std::ifstream file(path, std::ios::binary);
    std::array<char, kMostKeyBytes + 2> bytes{};
    file.read(bytes.data(), bytes.size());
    if (file.bad() || file.gcount() == 0) {
      return Error{ErrorCode::unavailable,
                   "jobe-key-file: " + path + " cannot be read or is empty"};
    }
    key.assign(bytes.data(), static_cast<std::size_t>(file.gcount()));
  }
  key.erase(key.find_last_not_of(" \t\r\n") + 1);
  const bool printable =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (key.empty() || key.size() > kMostKeyBytes || !printable) {
    return Error{ErrorCode::invalid,
                 std::string(setting) + ": a key is one word of letters, digits and signs"};
  }
  return key;
}

}  // namespace docket::agent
