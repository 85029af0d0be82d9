// The letters of HTTP: what a token and a field value may hold (RFC 9110, 5.5 and 5.6.2). Pure.
#pragma once

#include <algorithm>
#include <string_view>

#include "protocol/base/ascii.h"

namespace docket::http {

constexpr bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, ascii_lower, ascii_lower);
}

constexpr bool is_token_letter(char letter) {
  return is_alphanumeric(letter) ||
         std::string_view("!#$%&'*+-.^_`|~").find(letter) != std::string_view::npos;
}

constexpr bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_letter);
}

// No control characters: none of them can end a line or a text early. Bytes above 0x7f pass.
constexpr bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return letter == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace docket::http
