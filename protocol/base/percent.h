// Percent-encoding (RFC 3986, section 2.1). Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket {

// `text` as it may stand in a path's segment, or in a query's name or value: all but letters,
// digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace docket
