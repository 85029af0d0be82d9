#include "master/net/router.h"

#include <zmq.hpp>

#include "protocol/codec.h"

namespace docket::net {
namespace {

// ZeroMQ's own routing ids: a zero byte and a 32-bit number.
constexpr std::size_t kRoutingIdBytes = 5;
constexpr LinkId kLinkMark = LinkId{1} << 32;  // keeps a LinkId from being 0

LinkId link_of(const zmq::message_t& routing_id) {
  if (routing_id.size() != kRoutingIdBytes) return 0;
  const auto* bytes = static_cast<const unsigned char*>(routing_id.data());
  if (bytes[0] != 0) return 0;
  LinkId link = kLinkMark;
  for (std::size_t i = 1; i < kRoutingIdBytes; ++i) {
    link |= LinkId{bytes[i]} << (8 * (kRoutingIdBytes - 1 - i));
  }
  return link;
}

std::string routing_id_of(LinkId link) {
  std::string id(kRoutingIdBytes, '\0');
  for (std::size_t i = 1; i < kRoutingIdBytes; ++i) {
    id[i] = static_cast<char>(link >> (8 * (kRoutingIdBytes - 1 - i)));
  }
  return id;
}

class ZmqRouter final : public Router {
 public:
  ZmqRouter() : context_(1), socket_(context_, zmq::socket_type::router) {
    socket_.set(zmq::sockopt::router_mandatory, true);
    socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
    socket_.set(zmq::sockopt::backlog, 2000);
    socket_.set(zmq::sockopt::sndhwm, 10'000);
    socket_.set(zmq::sockopt::rcvhwm, 10'000);
    socket_.set(zmq::sockopt::linger, 500);
    socket_.set(zmq::sockopt::ipv6, true);
  }

  void bind(const Address& listen) {
    socket_.bind("tcp://" + listen.text());
    listen_ = listen;
    // ZeroMQ tells its own spelling of the host; only the port is news.
    const auto bound =
        parse_url_address("agents-listen", "tcp", socket_.get(zmq::sockopt::last_endpoint));
    if (bound) listen_.port = bound->port;
  }

  Address address() const override { return listen_; }

  int fd() const override { return socket_.get(zmq::sockopt::fd); }

  bool pending() override { return (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; }

  void receive(std::size_t most, std::vector<Event>& out) override {
    for (std::size_t i = 0; i < most; ++i) {
      zmq::message_t routing_id;
      if (!socket_.recv(routing_id, zmq::recv_flags::dontwait)) return;
      std::vector<zmq::message_t> frames;
      bool more = routing_id.more();
      while (more) {
        frames.emplace_back();
        if (!socket_.recv(frames.back(), zmq::recv_flags::none)) return;
        more = frames.back().more();
      }
      const LinkId link = link_of(routing_id);
      if (link == 0) continue;  // a peer that chose its own id is none of our agents
      if (frames.size() != 1) {
        out.push_back(BadFrame{link, "a message must be one frame"});
        continue;
      }
      auto message = decode_to_master(frames.front().to_string_view());
      if (message) {
        out.push_back(FromAgent{link, std::move(*message)});
      } else {
        out.push_back(BadFrame{link, message.error().message});
      }
    }
  }

  bool send(LinkId link, const ToAgent& message) override {
    const std::string frame = encode(message);
    try {
      const auto to = socket_.send(zmq::buffer(routing_id_of(link)),
                                   zmq::send_flags::sndmore | zmq::send_flags::dontwait);
      if (!to) return false;
      return socket_.send(zmq::buffer(frame), zmq::send_flags::dontwait).has_value();
    } catch (const zmq::error_t&) {  // EHOSTUNREACH: no such connection any more
      return false;
    }
  }

 private:
  zmq::context_t context_;
  mutable zmq::socket_t socket_;
  Address listen_;
};

}  // namespace

Result<std::unique_ptr<Router>> Router::bind(const Address& listen) {
  try {
    auto router = std::make_unique<ZmqRouter>();
    router->bind(listen);
    return std::unique_ptr<Router>(std::move(router));
  } catch (const zmq::error_t& e) {
    return Error{ErrorCode::unavailable, "cannot listen on " + listen.text() + ": " + e.what()};
  }
}

}  // namespace docket::net
