#include "master/http/api/query.h"

#include <charconv>

#include "protocol/base/ascii.h"

namespace docket::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

QueryFields fields_of(std::string_view query) {
  QueryFields fields;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    fields.emplace_back(
        percent_decoded(pair.substr(0, equals)),
        equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1)));
  }
  return fields;
}

Result<std::uint64_t> number_of(const std::string& name, const std::string& text,
                                std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* last = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), last, number);
  if (parsed.ec != std::errc() || parsed.ptr != last || number < least || number > most) {
    return Error{ErrorCode::invalid, name + ": '" + text + "' is not a number from " +
                                         std::to_string(least) + " to " + std::to_string(most)};
  }
  return number;
}

}  // namespace docket::http
