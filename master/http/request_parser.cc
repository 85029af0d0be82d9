#include "master/http/request_parser.h"

#include <http_parser.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "master/http/byte_budget.h"
#include "master/http/tokens.h"

namespace docket::http {
namespace {

constexpr std::size_t kMaxHeaders = 100;      // Apache's bounds, in front of every Jobe
constexpr std::size_t kMaxLineBytes = 8'190;  // of the request line, without its end
// Room taken at once for a body; what a client only announces costs no more than this.
constexpr std::size_t kBodyReserve = 256u << 10;
constexpr std::size_t kKeptHeadBytes = 8u << 10;  // of a head's buffer, between requests

constexpr std::string_view kMalformed = "Malformed HTTP request";

// Method, target and version, one space between: what a method unknown to http_parser must look
// like to count as one.
bool looks_like_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1) return false;
  const auto version = line.substr(last + 1);
  return is_token(line.substr(0, first)) && line.find(' ', first + 1) == last &&
         version.size() == 8 && version.starts_with("HTTP/");
}

// http_parser's own limit is a global and smaller than ours may be; set before its first use.
void lift_library_limit() {
  static const bool once = [] {
    http_parser_set_max_header_size(std::numeric_limits<std::uint32_t>::max());
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

// The head is handed over whole, so each callback comes once per item. An exception must not
// cross the C library; none of these throws but for memory, which ends the process anyway.
struct HeadCallbacks {
  static RequestParser& self(http_parser* parser) {
    return *static_cast<RequestParser*>(parser->data);
  }
  static int on_url(http_parser* parser, const char* at, std::size_t size) {
    self(parser).request_.target.append(at, size);
    return 0;
  }
  static int on_field(http_parser* parser, const char* at, std::size_t size) {
    auto& headers = self(parser).request_.headers;
    if (headers.size() >= kMaxHeaders) return 1;
    headers.emplace_back(std::string(at, size), std::string());
    return 0;
  }
  static int on_value(http_parser* parser, const char* at, std::size_t size) {
    self(parser).request_.headers.back().second.append(at, size);
    return 0;
  }
  static int on_head_end(http_parser* parser) {
    self(parser).note_framing(*parser);
    return 1;  // the body is not http_parser's
  }
};

RequestParser::RequestParser(std::size_t max_head_bytes, std::size_t max_body_bytes)
    : max_head_bytes_(max_head_bytes), max_body_bytes_(max_body_bytes), chunks_(max_body_bytes) {
  lift_library_limit();
}

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::head) used = feed_head(bytes);
  if (state_ == State::body) used += feed_body(bytes.substr(used));
  return used;
}

std::size_t RequestParser::feed_head(std::string_view bytes) {
  std::size_t used = 0;
  if (head_.empty()) {
    // Blank lines before a request are skipped (RFC 9112, 2.2).
    used = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    if (used == bytes.size()) return used;
    if (!is_token(bytes.substr(used, 1))) fail(400, kMalformed);  // TLS, for one: say so at once
  }
  while (state_ == State::head && used < bytes.size()) {
    const auto end = bytes.find('\n', used);
    const auto size = end == std::string_view::npos ? bytes.size() - used : end + 1 - used;
    const auto room = max_head_bytes_ - head_.size();
    head_.append(bytes, used, std::min(size, room));  // head_only() looks at what there is
    if (size > room) {
      fail(431, "Request head too large");
      break;
    }
    used += size;
    if (end != std::string_view::npos) end_line();
  }
  return used;
}

void RequestParser::end_line() {
  const auto line = std::string_view(head_).substr(line_start_);
  if (!line.ends_with("\r\n")) return fail(400, kMalformed);  // as Apache does
  if (line_start_ == 0 && line.size() > kMaxLineBytes + 2) {
    return fail(414, "Request address too long");
  }
  // A continued header line (RFC 9112, 5.2).
  if (line_start_ > 0 && (line[0] == ' ' || line[0] == '\t')) return fail(400, kMalformed);
  line_start_ = head_.size();
  if (line.size() == 2) end_head();
}

void RequestParser::end_head() {
  // Jobe takes methods in any case.
  const auto method_end = std::min(head_.find(' '), head_.size());
  for (std::size_t i = 0; i < method_end; ++i) head_[i] = ascii_upper(head_[i]);

  http_parser_settings callbacks;
  http_parser_settings_init(&callbacks);
  callbacks.on_url = HeadCallbacks::on_url;
  callbacks.on_header_field = HeadCallbacks::on_field;
  callbacks.on_header_value = HeadCallbacks::on_value;
  callbacks.on_headers_complete = HeadCallbacks::on_head_end;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = this;

  state_ = State::body;  // unless something below fails
  const auto used = http_parser_execute(&parser, &callbacks, head_.data(), head_.size());
  const auto error = HTTP_PARSER_ERRNO(&parser);
  if (error == HPE_INVALID_METHOD &&
      looks_like_request_line(std::string_view(head_).substr(0, head_.find('\r')))) {
    return fail(404, "");  // what Jobe answers to a method it does not know
  }
  if (error == HPE_CB_header_field) return fail(400, "Too many headers");
  if (error != HPE_OK || used != head_.size() || parser.http_major == 0) {
    return fail(400, kMalformed);
  }
  request_.method.assign(head_, 0, method_end);
  split_target();
  check_headers();
  if (state_ == State::body) feed_body({});
}

void RequestParser::note_framing(const http_parser& parser) {
  keep_alive_ = http_should_keep_alive(&parser) != 0;
  http_1_0_ = parser.http_major == 1 && parser.http_minor == 0;
  chunked_ = (parser.flags & F_CHUNKED) != 0;
  has_length_ = (parser.flags & F_CONTENTLENGTH) != 0;
  body_left_ = has_length_ ? parser.content_length : 0;
}

void RequestParser::check_headers() {
  for (auto& [name, value] : request_.headers) {
    for (char& letter : name) letter = ascii_lower(letter);
    value.resize(std::min(value.find_last_not_of(" \t") + 1, value.size()));
    check_field(name, value);
    if (state_ == State::failed) return;
  }
  // As Apache does: exactly one Host since HTTP/1.1.
  if (hosts_ > 1 || (hosts_ == 0 && !http_1_0_)) return fail(400, kMalformed);
  const bool coded = codings_ > 0;
  if (coded && (codings_ > 1 || has_length_ || http_1_0_)) return fail(400, kMalformed);
  if (coded != chunked_) return fail(400, kMalformed);
  if (body_left_ > max_body_bytes_) return fail(413, "Request body too large");
  request_.body.reserve(std::min(body_left_, kBodyReserve));
}

void RequestParser::check_field(std::string_view name, std::string_view value) {
  // http_parser accepts spaces in names; another reader may cut such a name elsewhere.
  if (!is_token(name) || !is_field_value(value)) return fail(400, kMalformed);
  if (name == "host") ++hosts_;
  if (name == "transfer-encoding") {
    ++codings_;
    if (!equal_ignoring_case(value, "chunked")) fail(501, "Transfer-Encoding is not supported");
  }
  if (name == "expect" && !http_1_0_) {
    expects_continue_ = equal_ignoring_case(value, "100-continue");
    if (!expects_continue_) fail(417, "Expectation failed");
  }
}

// The absolute form ("GET http://host/path") counts as its path (RFC 9112, 3.2.2).
void RequestParser::split_target() {
  std::string_view rest = request_.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!rest.starts_with(scheme)) continue;
    const auto slash = rest.find_first_of("/?", scheme.size());
    rest = slash == std::string_view::npos ? "/" : rest.substr(slash);
  }
  const auto mark = rest.find('?');
  request_.path = rest.substr(0, mark);
  if (mark != std::string_view::npos) request_.query = rest.substr(mark + 1);
}

std::size_t RequestParser::feed_body(std::string_view bytes) {
  if (chunked_) {
    const auto used = chunks_.feed(bytes, request_.body);
    if (chunks_.done()) state_ = State::complete;
    if (chunks_.malformed()) fail(400, kMalformed);
    if (chunks_.too_large()) fail(413, "Request body too large");
    return used;
  }
  const auto part = bytes.substr(0, body_left_);
  request_.body.append(part);
  body_left_ -= part.size();
  if (body_left_ == 0) state_ = State::complete;
  return part.size();
}

void RequestParser::fail(int status, std::string_view message) {
  state_ = State::failed;
  refusal_ = {status, message};
}

void RequestParser::discard() {
  state_ = State::failed;
  free_buffer(head_);
  static_cast<void>(std::exchange(request_, Request()));  // assigning would keep the memory
}

Request RequestParser::take() {
  CHECK_THAT(state_ == State::complete);
  Request taken = std::exchange(request_, Request());
  if (head_.capacity() > kKeptHeadBytes) free_buffer(head_);
  head_.clear();
  line_start_ = 0;
  hosts_ = 0;
  codings_ = 0;
  expects_continue_ = false;
  chunks_ = ChunkDecoder(max_body_bytes_);
  state_ = State::head;
  return taken;
}

}  // namespace docket::http
