// MD5 as Jobe's clients use it: to name support files. Not for anything that must be secure. Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket {

// 32 digits in lower case.
std::string md5_hex(std::string_view content);

}  // namespace docket
