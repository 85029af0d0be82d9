// JSON and text as Jobe writes them. Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace docket::trial_jobe {

// UTF-8 raw, '/' as it is, control characters and U+2028, U+2029 escaped.
std::string dump_json(const nlohmann::ordered_json& value);

bool is_utf8(std::string_view bytes);

// The bytes themselves when they are UTF-8; else every byte above 0x7e and every control byte but
// \n, \r and \t becomes the text \xNN.
std::string readable_text(std::string_view bytes);

}  // namespace docket::trial_jobe
