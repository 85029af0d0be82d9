// The support files in the master's store: a content of its own for each version of each.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace docket::sim {

// Present versions by file.
using Shelf = std::map<std::string, std::uint64_t>;

std::string file_content(const std::string& file, std::uint64_t version);
// The content of the file in some version, all of it.
bool is_whole(const std::string& file, const std::string& content);

}  // namespace docket::sim
