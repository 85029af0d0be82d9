// Reads the body of PUT files/ID and POST files by Jobe's rules. Pure; the texts are Jobe 2.2.2's,
// ours where Jobe says 500.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::http {

// The bytes of {"file_contents":"<base 64>"}. invalid, or too_large above kMaxFileBytes, with the
// answer's text: it begins with `what` ("put", "post") and names the file when `id` is not empty.
Result<std::string> parse_file_request(std::string_view body, const std::string& what,
                                       std::string_view id);

}  // namespace docket::http
