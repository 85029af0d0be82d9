// RequestParser: turns the bytes of one connection into requests, one after the other. Pure; one
// thread. http_parser reads the head; limits, line ends, framing and body are checked here.
//
// Invariants: what it reads never depends on how the bytes were cut into pieces; a request whose
// length two readers could understand differently is refused, never guessed (RFC 9112, 6.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "master/http/chunk_decoder.h"
#include "master/http/server.h"

struct http_parser;

namespace docket::http {

// Why a request cannot be read; the connection closes behind the answer.
struct Refusal {
  int status = 400;
  std::string_view message;  // the answer is this as a JSON string
};

class RequestParser {
 public:
  enum class State { head, body, complete, failed };

  RequestParser(std::size_t max_head_bytes, std::size_t max_body_bytes);

  // Returns how many bytes it consumed: all, unless the request is complete or has failed.
  std::size_t feed(std::string_view bytes);

  State state() const { return state_; }
  bool started() const { return !head_.empty(); }      // a byte of this request has come
  const Refusal& refusal() const { return refusal_; }  // when failed

  // Known from the end of the head on.
  bool expects_continue() const { return expects_continue_; }
  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }
  bool head_only() const { return head_.starts_with("HEAD "); }

  std::size_t body_bytes() const { return request_.body.size(); }  // so far
  // Held of the input, head and body together.
  std::size_t buffered_bytes() const { return head_.size() + request_.body.size(); }

  // The complete request, without id and peer; the parser is then ready for the next one.
  Request take();
  // Gives up the request, and the memory; the parser reads nothing any more.
  void discard();

 private:
  friend struct HeadCallbacks;

  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void end_line();
  void end_head();
  void note_framing(const http_parser& parser);
  void check_headers();
  void check_field(std::string_view name, std::string_view value);
  void split_target();
  void fail(int status, std::string_view message);

  std::size_t max_head_bytes_;
  std::size_t max_body_bytes_;

  State state_ = State::head;
  Refusal refusal_;
  std::string head_;
  std::size_t line_start_ = 0;  // of the line being read, in head_

  Request request_;
  int hosts_ = 0;
  int codings_ = 0;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  std::size_t body_left_ = 0;  // with a length
  ChunkDecoder chunks_;        // without
};

}  // namespace docket::http
