// The agent's end of the link: a ZeroMQ DEALER that dials out. Owned by the loop's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/result.h"

namespace docket::agent {

class Dealer {
 public:
  static Result<std::unique_ptr<Dealer>> connect(const Address& master);
  virtual ~Dealer() = default;  // gives what was sent half a second to leave

  // Readable when something may wait; edge-triggered: call pending() before sleeping on it. May
  // change with reconnect().
  virtual int fd() const = 0;
  virtual bool pending() = 0;

  // Appends up to `most` messages; frames that are none are dropped and counted.
  virtual void receive(std::size_t most, std::vector<Event>& out) = 0;
  // False when there is no connection to take it; nothing is kept for later.
  virtual bool send(const ToMaster& message) = 0;
  // Drops the connection with all that waits in it and begins a new one.
  virtual void reconnect() = 0;
  virtual std::size_t bad_frames() const = 0;
};

}  // namespace docket::agent
