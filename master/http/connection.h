// Connection: what one client's connection has read, owes and may do next, without its socket.
// Pure: bytes and time come in, bytes and a Fate come out. Owned by one reactor.
//
// Invariants: one request at a time is out at the handler; the next one is taken only when the
// answer before it has been sent whole; input beyond that waits, at most max_pipelined_bytes;
// between calls its share of the budget is exactly the input that it holds.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "master/http/byte_budget.h"
#include "master/http/request_parser.h"
#include "master/http/response_writer.h"
#include "master/http/server.h"
#include "protocol/base/clock.h"

namespace docket::http {

// What the socket's owner has to do, in the order in which it can get worse.
enum class Fate {
  open,
  half_closed,  // all is sent: end the sending side, go on reading what the client still sends
  closed,
  reset,  // close and throw away what the socket has not sent
};

class Connection {
 public:
  // `options` and `budget` outlive the connection.
  Connection(const Options& options, ByteBudget& budget, std::string peer, MonoMs now);

  void receive(std::string_view bytes, MonoMs now);
  // The next request, if a whole one is there and its turn has come; answer() must follow.
  std::optional<Request> take_request(MonoMs now);
  void answer(Response response, MonoMs now);

  std::string_view output() const;  // what is to be sent next; not all there is
  void sent(std::size_t bytes, MonoMs now);

  MonoMs deadline() const;
  void expire(MonoMs now);  // does what is due, if the deadline has passed
  // Close behind the next answer, or now when there have been some. Who has come just now may
  // still ask, once.
  void quiesce(MonoMs now);
  void lose();  // the socket has failed

  Fate fate() const { return fate_; }
  // The status with which it has refused input by itself since the last call; 0: it has not.
  int take_refusal() { return std::exchange(refused_, 0); }

 private:
  enum class Phase { reading, waiting, answering, lingering, over };

  void take_in(std::string_view bytes, MonoMs now);
  void store(std::string_view bytes);
  std::size_t parse(std::string_view bytes, MonoMs now);
  std::size_t stored_bytes() const { return stored_.size() - stored_used_; }
  bool pay() { return share_.resize(parser_.buffered_bytes() + stored_bytes()); }
  void drop_input();
  void refuse(const Refusal& refusal, MonoMs now);
  void queue(Response response, const Framing& framing, MonoMs now);
  void linger(MonoMs now);
  void begin_stretch(std::size_t from_bytes, MonoMs now);
  std::size_t moved_bytes() const;
  bool moves(MonoMs now) const;
  void end(Fate fate);
  bool idle() const;

  const Options& options_;
  std::string peer_;
  RequestParser parser_;
  ByteShare share_;
  Phase phase_ = Phase::reading;
  Fate fate_ = Fate::open;
  int refused_ = 0;
  bool quiescing_ = false;
  bool served_ = false;     // a request was taken
  bool continued_ = false;  // 100 Continue was sent for this request
  Framing framing_;         // of the answer to the request taken last

  std::string stored_;  // input whose turn has not come
  std::size_t stored_used_ = 0;
  bool no_room_ = false;  // for it; said when the answer before it is out
  std::string out_;       // head and small bodies
  std::string body_;      // a big body, sent behind out_
  std::size_t out_sent_ = 0;
  std::size_t body_sent_ = 0;
  std::size_t drained_bytes_ = 0;  // read and dropped while lingering

  MonoMs since_;        // when the phase, or the head or body being read, began
  MonoMs input_at_;     // last byte in
  MonoMs progress_at_;  // last byte out, or when there was first something to send

  MonoMs stretch_at_;  // when the stretch began in which the body or the answer must move enough
  std::size_t stretch_from_bytes_ = 0;  // what had moved by then
};

}  // namespace docket::http
