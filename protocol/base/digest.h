// Digests of bytes, in hex digits of lower case. Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket {

// As Jobe's clients name support files. Not for anything that must be secure.
std::string md5_hex(std::string_view content);
std::string sha256_hex(std::string_view content);

}  // namespace docket
