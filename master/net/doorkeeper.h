// Decides who may finish the CURVE handshake: ZeroMQ's ZAP (RFC 27), answered on the loop's thread,
// which owns it. A handshake waits until the loop has asked answer().
//
// Whoever is let in is known from then on by its public key, which ZeroMQ gives with every message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "master/core/agent_key.h"

namespace docket::net {

class Doorkeeper {
 public:
  // Must be there before a socket of the context listens. One a context.
  explicit Doorkeeper(zmq::context_t& context);

  void admit(std::shared_ptr<const LinkKeys> keys) { keys_ = std::move(keys); }
  // Answers all that is asked.
  void answer();
  std::uint64_t refused() const { return refused_; }
  zmq::socket_t& socket() { return socket_; }

 private:
  bool knows(std::string_view mechanism, std::string_view key) const;

  zmq::socket_t socket_;
  std::shared_ptr<const LinkKeys> keys_ = std::make_shared<const LinkKeys>();
  std::uint64_t refused_ = 0;
};

}  // namespace docket::net
