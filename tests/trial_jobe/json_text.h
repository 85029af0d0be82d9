// JSON and text in Jobe's dialect, which is PHP's. Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::trial_jobe {

// invalid with PHP's reason ("Syntax error", …) when the text is not JSON, starts with a byte order
// mark or is nested deeper than 512. Of duplicate keys the last wins.
Result<nlohmann::json> parse_json(std::string_view text);

// UTF-8 raw, '/' as it is, control characters and U+2028, U+2029 escaped.
std::string dump_json(const nlohmann::ordered_json& value);

bool is_utf8(std::string_view bytes);

// The bytes themselves when they are UTF-8; else every byte above 0x7e and every control byte but
// \n, \r and \t becomes the text \xNN.
std::string readable_text(std::string_view bytes);

// An array as PHP's print_r shows it, as Jobe's "Invalid file specifier" needs it.
std::string print_r(const nlohmann::json& value);

// The type's name in PHP's messages: "array", "stdClass", "int", …
std::string_view php_type(const nlohmann::json& value);

// A scalar taken as text: true is "1", false and null are empty.
std::string php_text(const nlohmann::json& scalar);

}  // namespace docket::trial_jobe
