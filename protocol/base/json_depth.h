// How deep a JSON text nests, without parsing it. Pure.
//
// JSON libraries recurse when they print; a text of a million brackets must be refused before.
#pragma once

#include <cstddef>
#include <string_view>

namespace docket {

// Jobe's own limit (PHP's json_decode).
inline constexpr std::size_t kMaxJsonDepth = 512;

// The largest number of arrays and objects open at once. Right for valid JSON; for anything else
// some number, quickly.
std::size_t json_depth(std::string_view text);

}  // namespace docket
