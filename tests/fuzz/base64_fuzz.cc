// Any text as a file's contents: it is refused, or it decodes to bytes that survive the way back.
#include <algorithm>

#include "protocol/base/base64.h"
#include "protocol/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto encoded = docket::base64_encode(text);
  CHECK_THAT(encoded.size() == (size + 2) / 3 * 4);
  CHECK_THAT(docket::base64_decode(encoded) == text);
  const auto decoded = docket::base64_decode(text);
  if (!decoded) return 0;
  CHECK_THAT(decoded->size() <= size / 4 * 3 + 2);
  // The same but for white space, padding and the unused bits of the last digit.
  std::string digits(text);
  std::erase_if(digits, [](char c) {
    return std::string_view(" \t\r\n=").find(c) != std::string_view::npos;
  });
  auto again = docket::base64_encode(*decoded);
  std::erase(again, '=');
  CHECK_THAT(again.size() == digits.size());
  if (!digits.empty()) {
    digits.pop_back();
    again.pop_back();
  }
  CHECK_THAT(again == digits);
  return 0;
}
