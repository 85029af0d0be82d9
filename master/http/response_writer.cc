#include "master/http/response_writer.h"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "master/http/tokens.h"

namespace docket::http {
namespace {

bool allows_body(int status) {
  return status != 204 && status != 304;
}

// Framing is this file's alone.
bool is_framing(std::string_view name) {
  constexpr std::array<std::string_view, 3> kNames = {"content-length", "transfer-encoding",
                                                      "connection"};
  return std::ranges::any_of(kNames,
                             [&](auto framing) { return equal_ignoring_case(name, framing); });
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || !is_field_value(value)) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void append_head(std::string& out, const Response& response, const Framing& framing) {
  CHECK_THAT(response.status >= 200 && response.status <= 599);
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(http_status_str(static_cast<http_status>(response.status)));
  out.append("\r\n");
  if (allows_body(response.status)) {
    if (!response.body.empty()) append_header(out, "Content-Type", response.content_type);
    if (!response.body.empty() || !framing.head_only) {
      out.append("Content-Length: ");
      append_number(out, response.body.size());
      out.append("\r\n");
    }
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_framing(name)) append_header(out, name, value);
  }
  if (framing.close) {
    append_header(out, "Connection", "close");
  } else if (framing.keep_alive) {
    append_header(out, "Connection", "keep-alive");
  }
  out.append("\r\n");
}

bool sends_body(const Response& response, const Framing& framing) {
  return allows_body(response.status) && !framing.head_only;
}

}  // namespace docket::http
