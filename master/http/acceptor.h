// Acceptor: the listening socket and the thread that accepts on it.
//
// Ours and not Pistache's Listener, which spins when descriptors run out, cannot stop accepting
// without stopping everything, and loses connections accepted while it shuts down.
// start(), stop() and the destructor belong to one thread; on_accept runs on the acceptor's.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <thread>

#include "master/http/unique_fd.h"
#include "protocol/base/address.h"
#include "protocol/base/log.h"
#include "protocol/base/result.h"
#include "protocol/base/wake_fd.h"

namespace docket::http {

class Acceptor {
 public:
  // The socket is non-blocking and closed on exec.
  using OnAccept = std::function<void(UniqueFd socket, const sockaddr_storage& peer)>;

  // unavailable when the address cannot be bound; the message names it and the reason. While the
  // process has no more than `spare_descriptors` left, nothing is accepted.
  // `kept`: a socket that listens already, or none; what listens elsewhere does so no longer.
  static Result<std::unique_ptr<Acceptor>> bind(const Address& listen, UniqueFd kept,
                                                int spare_descriptors, Logger log);
  ~Acceptor() { stop(); }

  const Address& address() const { return address_; }
  int socket() const { return socket_.get(); }
  void start(OnAccept on_accept);
  // Closes the listening socket; a further connection is refused by the system, or waits where a
  // service manager keeps the socket. May be repeated.
  void stop();

 private:
  Acceptor(UniqueFd socket, Address address, int spare_descriptors, Logger log);
  void run();
  bool accept_some();
  bool descriptors_left() const;

  UniqueFd socket_;
  Address address_;
  int spare_descriptors_;
  Logger log_;
  OnAccept on_accept_;
  WakeFd stop_;
  std::thread thread_;
};

}  // namespace docket::http
