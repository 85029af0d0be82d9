#include "agent/net/dealer.h"

#include <zmq.hpp>

#include "protocol/codec.h"

namespace docket::agent {
namespace {

class ZmqDealer final : public Dealer {
 public:
  explicit ZmqDealer(const Address& master)
      : endpoint_("tcp://" + master.text()), context_(1), socket_(open()) {}

  int fd() const override { return socket_.get(zmq::sockopt::fd); }

  bool pending() override { return (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; }

  void receive(std::size_t most, std::vector<Event>& out) override {
    for (std::size_t i = 0; i < most; ++i) {
      zmq::message_t frame;
      if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return;
      auto message = decode_to_agent(frame.to_string_view());
      if (message) {
        out.push_back(FromMaster{std::move(*message)});
      } else {
        ++bad_frames_;
      }
    }
  }

  bool send(const ToMaster& message) override {
    const std::string frame = encode(message);
    try {
      return socket_.send(zmq::buffer(frame), zmq::send_flags::dontwait).has_value();
    } catch (const zmq::error_t&) {
      return false;
    }
  }

  void reconnect() override {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.close();
    socket_ = open();
  }

  std::size_t bad_frames() const override { return bad_frames_; }

 private:
  zmq::socket_t open() {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::immediate, true);  // queue nothing for a master that is away
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
    socket.set(zmq::sockopt::sndhwm, 10'000);
    socket.set(zmq::sockopt::rcvhwm, 10'000);
    socket.set(zmq::sockopt::linger, 500);
    socket.set(zmq::sockopt::ipv6, true);
    socket.set(zmq::sockopt::reconnect_ivl, 100);
    socket.set(zmq::sockopt::reconnect_ivl_max, 2'000);
    socket.set(zmq::sockopt::connect_timeout, 5'000);
    socket.connect(endpoint_);
    return socket;
  }

  const std::string endpoint_;
  zmq::context_t context_;
  mutable zmq::socket_t socket_;
  std::size_t bad_frames_ = 0;
};

}  // namespace

Result<std::unique_ptr<Dealer>> Dealer::connect(const Address& master) {
  try {
    return std::unique_ptr<Dealer>(std::make_unique<ZmqDealer>(master));
  } catch (const zmq::error_t& e) {
    return Error{ErrorCode::invalid, "cannot dial " + master.text() + ": " + e.what()};
  }
}

}  // namespace docket::agent
