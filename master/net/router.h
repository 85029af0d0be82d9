// The master's end of the link to the agents: a ZeroMQ ROUTER. Owned by the loop's thread.
//
// Every connection has a number of ZeroMQ's own making, never chosen by the peer, so a dead
// connection cannot shadow a living one and nobody can take another's place by naming it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "master/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/result.h"

namespace docket::net {

class Router {
 public:
  // unavailable when the address cannot be bound; the message names it and the reason.
  static Result<std::unique_ptr<Router>> bind(const Address& listen);
  virtual ~Router() = default;

  virtual Address address() const = 0;  // with the port really bound

  // Readable when something may wait. Edge-triggered by ZeroMQ: before sleeping on it, call
  // pending(), after every receive() and send().
  virtual int fd() const = 0;
  virtual bool pending() = 0;

  // Appends up to `most` messages as FromAgent or BadFrame events.
  virtual void receive(std::size_t most, std::vector<Event>& out) = 0;

  // False when the connection is gone, or so far behind that it might as well be.
  virtual bool send(LinkId link, const ToAgent& message) = 0;
};

}  // namespace docket::net
