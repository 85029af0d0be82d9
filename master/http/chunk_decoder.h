// ChunkDecoder: takes the chunked coding (RFC 9112, 7.1) off a request body. Pure; one thread.
//
// Strict on purpose: Debian's http_parser is built without its strict checks and would accept
// chunks whose end is not CRLF, which a proxy in front may read as another request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace docket::http {

class ChunkDecoder {
 public:
  enum class State {
    size,
    extension,
    size_end,
    data,
    data_cr,
    data_lf,
    line,
    trailer,
    trailer_end,
    last_lf,
    done,
    malformed,
    too_large
  };

  explicit ChunkDecoder(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Appends the decoded bytes to body and returns how many it consumed: all of them, unless the
  // body ended before or is refused. Trailers are read and dropped.
  std::size_t feed(std::string_view bytes, std::string& body);

  bool done() const { return state_ == State::done; }
  bool malformed() const { return state_ == State::malformed; }
  bool too_large() const { return state_ == State::too_large; }

 private:
  State next(char byte);
  State size_byte(char byte);
  State size_known() const;

  std::size_t max_body_bytes_;
  State state_ = State::size;
  std::size_t left_ = 0;           // of the current chunk
  int digits_ = 0;                 // of the current size
  std::size_t body_bytes_ = 0;     // decoded so far, and announced by the current chunk
  std::size_t framing_bytes_ = 0;  // sizes, extensions, line ends, trailers
};

}  // namespace docket::http
