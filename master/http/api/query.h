// The query of a request, read as a form's fields. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/result.h"

namespace docket::http {

using QueryFields = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=x%20y" as {a, 1}, {b, "x y"}, in order; '+' is a blank too. Fields without '=' are empty.
QueryFields fields_of(std::string_view query);

// invalid, naming the field, when the text is not a whole number from `least` to `most`.
Result<std::uint64_t> number_of(const std::string& name, const std::string& text,
                                std::uint64_t least, std::uint64_t most);

}  // namespace docket::http
