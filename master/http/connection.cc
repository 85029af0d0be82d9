#include "master/http/connection.h"

#include <algorithm>
#include <utility>

namespace docket::http {
namespace {

// How long, and how many bytes beyond the largest body, a client may go on sending after an answer
// that closes: closing under a client that still sends would take the answer away from it.
constexpr MonoMs kLingerMs = 2'000;
constexpr MonoMs kFirstRequestMs = 5'000;  // of a client that was let in just before the end
constexpr std::size_t kLingerBytes = 1u << 20;
constexpr std::size_t kJoinedBodyBytes = 16u << 10;  // smaller bodies are copied behind their head
constexpr std::size_t kKeptOutBytes = 32u << 10;     // of the output buffer, between answers

constexpr std::string_view kRetryAfterS = "5";
constexpr Refusal kNoRoom = {503, "Too much is being uploaded now, try again later"};

}  // namespace

Connection::Connection(const Options& options, ByteBudget& budget, std::string peer, MonoMs now)
    : options_(options),
      peer_(std::move(peer)),
      parser_(options.max_head_bytes, options.max_body_bytes),
      share_(budget),
      since_(now),
      input_at_(now),
      progress_at_(now),
      stretch_at_(now) {}

void Connection::receive(std::string_view bytes, MonoMs now) {
  take_in(bytes, now);
  if (pay()) return;
  if (phase_ == Phase::reading) return refuse(kNoRoom, now);
  no_room_ = true;  // the request before it still gets its answer
  drop_input();
}

void Connection::take_in(std::string_view bytes, MonoMs now) {
  switch (phase_) {
    case Phase::over:
      return;
    case Phase::lingering:
      drained_bytes_ += bytes.size();
      if (drained_bytes_ > options_.max_body_bytes + kLingerBytes) end(Fate::closed);
      return;
    case Phase::waiting:
    case Phase::answering:
      return store(bytes);
    case Phase::reading:
      break;
  }
  // The order of the bytes is kept: what is stored goes first, in take_request().
  if (stored_bytes() == 0) bytes.remove_prefix(parse(bytes, now));
  store(bytes);
}

void Connection::store(std::string_view bytes) {
  // Behind an answer that closes, nothing is read any more.
  if (phase_ == Phase::answering && framing_.close) return;
  if (bytes.empty() || no_room_) return;
  stored_.append(bytes);
  if (stored_bytes() > options_.max_pipelined_bytes) end(Fate::closed);
}

std::size_t Connection::parse(std::string_view bytes, MonoMs now) {
  if (parser_.state() == RequestParser::State::complete) return 0;
  const bool fresh = !parser_.started();
  const bool in_head = parser_.state() == RequestParser::State::head;
  const auto used = parser_.feed(bytes);
  if (fresh && parser_.started()) since_ = now;
  if (in_head && parser_.state() == RequestParser::State::body) {
    since_ = now;
    begin_stretch(0, now);
  }
  input_at_ = now;
  if (parser_.state() == RequestParser::State::failed) {
    refuse(parser_.refusal(), now);
    return bytes.size();
  }
  if (parser_.state() == RequestParser::State::body && parser_.expects_continue() && !continued_) {
    continued_ = true;
    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
    progress_at_ = now;
  }
  return used;
}

std::optional<Request> Connection::take_request(MonoMs now) {
  if (phase_ != Phase::reading || !output().empty()) return std::nullopt;
  if (stored_bytes() > 0) {
    stored_used_ += parse(std::string_view(stored_).substr(stored_used_), now);
    if (stored_used_ >= stored_.size() / 2) {
      stored_.erase(0, stored_used_);
      stored_used_ = 0;
      if (stored_.empty()) free_buffer(stored_);
    }
  }
  if (phase_ != Phase::reading || parser_.state() != RequestParser::State::complete) {
    CHECK_THAT(pay());  // what is parsed is no more than what was stored
    return std::nullopt;
  }
  served_ = true;
  framing_.head_only = parser_.head_only();
  framing_.close = !parser_.keep_alive();
  framing_.keep_alive = parser_.http_1_0();
  continued_ = false;
  phase_ = Phase::waiting;
  Request request = parser_.take();
  CHECK_THAT(pay());
  request.peer = peer_;
  return request;
}

void Connection::answer(Response response, MonoMs now) {
  CHECK_THAT(phase_ == Phase::waiting);
  framing_.close = framing_.close || response.close || quiescing_;
  queue(std::move(response), framing_, now);
}

void Connection::refuse(const Refusal& refusal, MonoMs now) {
  Response response;
  response.status = refused_ = refusal.status;
  response.body.append("\"").append(refusal.message).append("\"");
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  if (refusal.status == kNoRoom.status) response.headers.emplace_back("Retry-After", kRetryAfterS);
  framing_ = {.head_only = parser_.head_only(), .close = true, .keep_alive = false};
  drop_input();
  queue(std::move(response), framing_, now);
}

void Connection::queue(Response response, const Framing& framing, MonoMs now) {
  phase_ = Phase::answering;
  since_ = now;
  progress_at_ = now;
  begin_stretch(moved_bytes(), now);
  append_head(out_, response, framing);
  if (!sends_body(response, framing)) return;
  if (response.body.size() <= kJoinedBodyBytes) {
    out_.append(response.body);
  } else {
    body_ = std::move(response.body);
  }
}

std::string_view Connection::output() const {
  if (phase_ == Phase::over) return {};
  if (out_sent_ < out_.size()) return std::string_view(out_).substr(out_sent_);
  return std::string_view(body_).substr(body_sent_);
}

void Connection::sent(std::size_t bytes, MonoMs now) {
  progress_at_ = now;
  (out_sent_ < out_.size() ? out_sent_ : body_sent_) += bytes;
  if (!output().empty()) return;
  if (out_.capacity() > kKeptOutBytes) free_buffer(out_);
  out_.clear();
  out_sent_ = 0;
  if (!body_.empty()) free_buffer(body_);
  body_sent_ = 0;
  if (phase_ != Phase::answering) return;  // that was 100 Continue
  if (framing_.close) return linger(now);
  phase_ = Phase::reading;
  since_ = now;
  if (no_room_) return refuse(kNoRoom, now);
  if (quiescing_) quiesce(now);
}

void Connection::begin_stretch(std::size_t from_bytes, MonoMs now) {
  stretch_at_ = now;
  stretch_from_bytes_ = from_bytes;
}

// Of the body that comes in, or of the answer that goes out.
std::size_t Connection::moved_bytes() const {
  return phase_ == Phase::reading ? parser_.body_bytes() : out_sent_ + body_sent_;
}

// At its deadline: whether a body or an answer was fast enough in the stretch that ends now.
bool Connection::moves(MonoMs now) const {
  const bool in_body =
      phase_ == Phase::reading && parser_.state() == RequestParser::State::body && output().empty();
  if (!in_body && phase_ != Phase::answering) return false;
  const MonoMs timeout_ms = in_body ? options_.body_timeout_ms : options_.write_timeout_ms;
  if (now - (in_body ? input_at_ : progress_at_) >= timeout_ms) return false;
  const auto moved = static_cast<MonoMs>(moved_bytes() - stretch_from_bytes_);
  return moved * 1000 >= timeout_ms * options_.least_bytes_per_s;
}

MonoMs Connection::deadline() const {
  if (!output().empty()) {
    const MonoMs stalled = progress_at_ + options_.write_timeout_ms;
    if (phase_ != Phase::answering) return stalled;  // that is 100 Continue
    return std::min(stalled, stretch_at_ + options_.write_timeout_ms);
  }
  switch (phase_) {
    case Phase::lingering:
      return since_ + kLingerMs;
    case Phase::waiting:
    case Phase::answering:
    case Phase::over:
      return kNever;
    case Phase::reading:
      break;
  }
  switch (parser_.state()) {
    case RequestParser::State::head:
      if (parser_.started()) return since_ + options_.head_timeout_ms;
      return since_ + (quiescing_ ? kFirstRequestMs : options_.idle_timeout_ms);
    case RequestParser::State::body:
      return std::min(input_at_, stretch_at_) + options_.body_timeout_ms;
    case RequestParser::State::complete:
    case RequestParser::State::failed:
      break;
  }
  return kNever;
}

void Connection::expire(MonoMs now) {
  if (now < deadline()) return;
  if (moves(now)) return begin_stretch(moved_bytes(), now);
  if (!output().empty()) return end(Fate::reset);
  if (phase_ == Phase::lingering || !parser_.started()) return end(Fate::closed);
  refuse({408, "Request timeout"}, now);
}

bool Connection::idle() const {
  return phase_ == Phase::reading && !parser_.started() && stored_bytes() == 0 && output().empty();
}

void Connection::quiesce(MonoMs now) {
  quiescing_ = true;
  if (!idle()) return;
  if (served_) return linger(now);
  since_ = now;
}

void Connection::lose() {
  end(Fate::closed);
}

void Connection::linger(MonoMs now) {
  phase_ = Phase::lingering;
  since_ = now;
  drop_input();
  fate_ = Fate::half_closed;
}

void Connection::drop_input() {
  parser_.discard();
  free_buffer(stored_);
  stored_used_ = 0;
  CHECK_THAT(pay());
}

void Connection::end(Fate fate) {
  phase_ = Phase::over;
  fate_ = fate;
  drop_input();
  free_buffer(out_);
  free_buffer(body_);
}

}  // namespace docket::http
