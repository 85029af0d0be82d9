// The agent's end of the link: a ZeroMQ DEALER that dials out, encrypted by CURVE. Owned by the
// loop's thread. Nothing is sent before the master has proved that it has the expected key.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/link_key.h"
#include "protocol/base/result.h"

namespace docket::agent {

struct DialKeys {
  std::string master;  // the master's public key
  KeyPair own;
};

// What the last handshake failed of, since one succeeded.
enum class LinkTrouble {
  none,
  refused,  // the master has the expected key, and does not let this one in
  broken,   // it ended before the master had proved anything
};

class Dealer {
 public:
  // Without keys the link is plain, which is for a master on loopback: else invalid.
  static Result<std::unique_ptr<Dealer>> connect(const Address& master,
                                                 const std::optional<DialKeys>& keys);
  virtual ~Dealer() = default;  // gives what was sent half a second to leave

  // Readable when something may wait; edge-triggered: call pending() before sleeping on it. May
  // change with reconnect() and receive().
  virtual int fd() const = 0;
  virtual bool pending() = 0;

  // Appends up to `most` messages; frames that are none are dropped and counted. Learns trouble(),
  // and dials again some seconds after one.
  virtual void receive(std::size_t most, std::vector<Event>& out) = 0;
  // False when there is no connection to take it; nothing is kept for later.
  virtual bool send(const ToMaster& message) = 0;
  // Drops the connection with all that waits in it and begins a new one.
  virtual void reconnect() = 0;
  virtual std::size_t bad_frames() const = 0;
  virtual LinkTrouble trouble() const = 0;
};

}  // namespace docket::agent
