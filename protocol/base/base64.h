// Base 64 (RFC 4648) as Jobe's clients use it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace docket {

std::string base64_encode(std::string_view bytes);

// As strictly as Jobe decodes: white space anywhere and missing padding are fine; any other
// foreign character, padding in the middle or a lone last digit is not (nothing is returned).
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace docket
