#include "agent/net/dealer.h"

#include <cstring>
#include <zmq.hpp>

#include "protocol/base/check.h"
#include "protocol/base/clock.h"
#include "protocol/codec.h"

namespace docket::agent {
namespace {

// After a handshake that failed: often enough for people who wait for an approval.
constexpr MonoMs kAgainMs = 2'000;

class ZmqDealer final : public Dealer {
 public:
  ZmqDealer(const Address& master, const std::optional<DialKeys>& keys)
      : endpoint_("tcp://" + master.text()), keys_(keys), context_(1) {
    open();
  }

  ~ZmqDealer() override { unwatch(); }

  int fd() const override { return socket_.get(zmq::sockopt::fd); }

  bool pending() override { return (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; }

  void receive(std::size_t most, std::vector<Event>& out) override {
    learn_trouble();
    // ZeroMQ itself does not dial again after a refusal.
    if (trouble_ != LinkTrouble::none && read_clock().mono >= again_) reconnect();
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
    again_ = read_clock().mono + kAgainMs;
    unwatch();
    socket_.set(zmq::sockopt::linger, 0);
    socket_.close();
    open();
  }

  std::size_t bad_frames() const override { return bad_frames_; }
  LinkTrouble trouble() const override { return trouble_; }

 private:
  void open() {
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
    if (keys_) {
      socket.set(zmq::sockopt::curve_serverkey, zmq::buffer(key_bytes(keys_->master)));
      socket.set(zmq::sockopt::curve_publickey, zmq::buffer(key_bytes(keys_->own.public_key)));
      socket.set(zmq::sockopt::curve_secretkey, zmq::buffer(key_bytes(keys_->own.secret_key)));
    }
    watch(socket);
    socket.connect(endpoint_);
    socket_ = std::move(socket);
  }

  void watch(zmq::socket_t& socket) {
    constexpr int kKinds = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    const std::string at = "inproc://handshakes-" + std::to_string(++watches_);
    CHECK_THAT(zmq_socket_monitor(socket.handle(), at.c_str(), kKinds) == 0);
    handshakes_ = zmq::socket_t(context_, zmq::socket_type::pair);
    handshakes_.set(zmq::sockopt::linger, 0);
    handshakes_.connect(at);
  }

  void unwatch() {
    zmq_socket_monitor(socket_.handle(), nullptr, 0);
    handshakes_.close();
  }

  // An event is two frames: its kind with a value, and the address.
  void learn_trouble() {
    zmq::message_t frame;
    while (handshakes_.recv(frame, zmq::recv_flags::dontwait)) {
      std::uint16_t kind = 0;
      if (!frame.more() || frame.size() < sizeof kind) continue;
      std::memcpy(&kind, frame.data(), sizeof kind);
      again_ = read_clock().mono + kAgainMs;
      trouble_ = kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED     ? LinkTrouble::none
                 : kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? LinkTrouble::refused
                                                           : LinkTrouble::broken;
    }
  }

  const std::string endpoint_;
  const std::optional<DialKeys> keys_;
  zmq::context_t context_;
  mutable zmq::socket_t socket_;
  zmq::socket_t handshakes_;  // how they ended
  std::uint64_t watches_ = 0;
  std::size_t bad_frames_ = 0;
  LinkTrouble trouble_ = LinkTrouble::none;
  MonoMs again_ = 0;  // when to dial again after trouble
};

}  // namespace

Result<std::unique_ptr<Dealer>> Dealer::connect(const Address& master,
                                                const std::optional<DialKeys>& keys) {
  if (!keys && !master.is_loopback()) {
    return Error{ErrorCode::invalid, "a plain link is for loopback alone, and " + master.text() +
                                         " is elsewhere: leave out --plain-link and join by a "
                                         "token of docket agents token"};
  }
  try {
    return std::unique_ptr<Dealer>(std::make_unique<ZmqDealer>(master, keys));
  } catch (const zmq::error_t& e) {
    return Error{ErrorCode::invalid, "cannot dial " + master.text() + ": " + e.what()};
  }
}

}  // namespace docket::agent
