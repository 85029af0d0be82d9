// Variables of the environment. Read before there are threads.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace docket {

// Empty also when it is not set.
inline std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// 0 for what is no number.
inline std::int64_t environment_number(const char* name) {
  const std::string_view text = environment(name);
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : 0;
}

}  // namespace docket
