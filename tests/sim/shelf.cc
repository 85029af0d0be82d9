#include "tests/sim/shelf.h"

#include "protocol/messages.h"

namespace docket::sim {

std::string file_content(const std::string& file, std::uint64_t version) {
  std::string content = file + " " + std::to_string(version) + "\n";
  const auto fill = static_cast<char>('a' + version % 26);
  // Every third file is larger than a piece.
  const std::size_t bytes = file.back() % 3 == 0 ? kMaxChunkBytes * 2 + 1'000 : 2'000;
  content.resize(bytes, fill);
  return content;
}

bool is_whole(const std::string& file, const std::string& content) {
  const auto space = content.find(' ');
  if (space == std::string::npos || content.substr(0, space) != file) return false;
  return content == file_content(file, std::stoull(content.substr(space + 1, 20)));
}

}  // namespace docket::sim
