#include "master/http/chunk_decoder.h"

#include <algorithm>

namespace docket::http {
namespace {

constexpr int kMaxSizeDigits = 15;  // fits 64 bits, leading zeros included
// A one-byte chunk costs 5 bytes of framing; more than this is a client that only wastes time.
constexpr std::size_t kFramingBytes = 16u << 10;
constexpr std::size_t kFramingPerByte = 8;

int hex_value(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

}  // namespace

std::size_t ChunkDecoder::feed(std::string_view bytes, std::string& body) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (state_ == State::data) {
      const auto part = bytes.substr(used, left_);
      body.append(part);
      used += part.size();
      left_ -= part.size();
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    if (done() || malformed() || too_large()) break;
    state_ = next(bytes[used++]);
    if (++framing_bytes_ > kFramingBytes + kFramingPerByte * body_bytes_) state_ = State::malformed;
  }
  return used;
}

ChunkDecoder::State ChunkDecoder::next(char byte) {
  const bool cr = byte == '\r';
  const bool lf = byte == '\n';
  switch (state_) {
    case State::size:
      return size_byte(byte);
    case State::extension:
      return cr ? State::size_end : lf ? State::malformed : State::extension;
    case State::size_end:
      return lf ? size_known() : State::malformed;
    case State::data_cr:
      return cr ? State::data_lf : State::malformed;
    case State::data_lf:
      left_ = 0;
      digits_ = 0;
      return lf ? State::size : State::malformed;
    case State::line:
      return cr ? State::last_lf : lf ? State::malformed : State::trailer;
    case State::trailer:
      return cr ? State::trailer_end : lf ? State::malformed : State::trailer;
    case State::trailer_end:
      return lf ? State::line : State::malformed;
    case State::last_lf:
      return lf ? State::done : State::malformed;
    case State::data:
    case State::done:
    case State::malformed:
    case State::too_large:
      return state_;
  }
  return State::malformed;
}

ChunkDecoder::State ChunkDecoder::size_byte(char byte) {
  if (const int value = hex_value(byte); value >= 0) {
    if (++digits_ > kMaxSizeDigits) return State::malformed;
    left_ = left_ * 16 + static_cast<std::size_t>(value);
    return State::size;
  }
  if (digits_ == 0) return State::malformed;
  if (left_ > max_body_bytes_ - std::min(body_bytes_, max_body_bytes_)) return State::too_large;
  body_bytes_ += left_;
  if (byte == '\r') return State::size_end;
  const bool extension = byte == ';' || byte == ' ' || byte == '\t';
  return extension ? State::extension : State::malformed;
}

ChunkDecoder::State ChunkDecoder::size_known() const {
  return left_ == 0 ? State::line : State::data;
}

}  // namespace docket::http
