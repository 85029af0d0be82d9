// The master's end of the link to the agents: a ZeroMQ ROUTER, encrypted by CURVE. Owned by the
// loop's thread.
//
// Every connection has a number of ZeroMQ's own making, never chosen by the peer, so a dead
// connection cannot shadow a living one and nobody can take another's place by naming it. Who
// speaks is known by the public key that the handshake proved, and that nobody can lend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "master/core/agent_key.h"
#include "master/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/link_key.h"
#include "protocol/base/result.h"

namespace docket::net {

class Router {
 public:
  // With a key, only peers that admit() lets in come through; without one the link is plain, which
  // is for loopback alone: invalid on another address. unavailable when the address cannot be
  // bound; the message names it and the reason.
  static Result<std::unique_ptr<Router>> bind(const Address& listen,
                                              const std::optional<KeyPair>& key);
  virtual ~Router() = default;

  virtual Address address() const = 0;  // with the port really bound

  // From now on these may begin a connection; nobody may before the first call.
  virtual void admit(std::shared_ptr<const LinkKeys> keys) = 0;
  // Peers that were turned away, because their key is not known or they knew none.
  virtual std::uint64_t refused() const = 0;

  // Readable when something may wait. Edge-triggered by ZeroMQ: before sleeping on it, call
  // pending(), after every receive() and send().
  virtual int fd() const = 0;
  virtual bool pending() = 0;

  // Decides on the handshakes that wait, then appends up to `most` messages as FromAgent or
  // BadFrame events.
  virtual void receive(std::size_t most, std::vector<Event>& out) = 0;

  // False when the connection is gone, or so far behind that it might as well be.
  virtual bool send(LinkId link, const ToAgent& message) = 0;
};

}  // namespace docket::net
