#include "master/net/doorkeeper.h"

#include <vector>

#include "protocol/base/link_key.h"

namespace docket::net {
namespace {

// The frames of a request: version, request id, domain, address, routing id, mechanism, and the
// mechanism's credentials, which for CURVE are the public key.
constexpr std::size_t kRequestId = 1;
constexpr std::size_t kMechanism = 5;
constexpr std::size_t kCredentials = 6;
constexpr std::string_view kVersion = "1.0";

}  // namespace

Doorkeeper::Doorkeeper(zmq::context_t& context) : socket_(context, zmq::socket_type::rep) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind("inproc://zeromq.zap.01");
}

bool Doorkeeper::knows(std::string_view mechanism, std::string_view key) const {
  if (mechanism != "CURVE" || key.size() != kLinkKeyBytes) return false;
  const std::string text = key_text(key);
  return keys_->contains(text) || keys_->contains(token_id_of(text));
}

void Doorkeeper::answer() {
  for (;;) {
    std::vector<zmq::message_t> request;
    do {
      request.emplace_back();
      if (!socket_.recv(request.back(), zmq::recv_flags::dontwait)) return;
    } while (request.back().more());
    // ZeroMQ asks itself: it never leaves out these.
    const bool whole = request.size() > kCredentials;
    const bool known = whole && knows(request[kMechanism].to_string_view(),
                                      request[kCredentials].to_string_view());
    if (!known) ++refused_;
    const std::string user = known ? key_text(request[kCredentials].to_string_view()) : "";
    const std::string id = request.size() > kRequestId ? request[kRequestId].to_string() : "";
    const std::string_view reply[] = {kVersion, id, known ? "200" : "400",
                                      known ? "OK" : "unknown key", user};
    for (const std::string_view frame : reply) {
      socket_.send(zmq::buffer(frame), zmq::send_flags::sndmore);
    }
    socket_.send(zmq::message_t(), zmq::send_flags::none);  // no metadata
  }
}

}  // namespace docket::net
