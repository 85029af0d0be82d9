#include "master/net/router.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <zmq.hpp>

#include "master/net/doorkeeper.h"
#include "protocol/base/check.h"
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

// The public key that the handshake proved, as the doorkeeper told it.
std::string key_of(zmq::message_t& frame) {
  const char* user = zmq_msg_gets(frame.handle(), "User-Id");
  return user == nullptr ? std::string() : std::string(user);
}

class ZmqRouter final : public Router {
 public:
  explicit ZmqRouter(const std::optional<KeyPair>& key)
      : context_(1),
        socket_(context_, zmq::socket_type::router),
        failures_(context_, zmq::socket_type::pair),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    CHECK_THAT(epoll_ >= 0);
    socket_.set(zmq::sockopt::router_mandatory, true);
    socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
    socket_.set(zmq::sockopt::backlog, 2000);
    socket_.set(zmq::sockopt::handshake_ivl, 5'000);  // who says nothing holds a descriptor
    socket_.set(zmq::sockopt::sndhwm, 10'000);
    socket_.set(zmq::sockopt::rcvhwm, 10'000);
    socket_.set(zmq::sockopt::linger, 500);
    socket_.set(zmq::sockopt::ipv6, true);
    if (key) {
      doorkeeper_.emplace(context_);
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_secretkey, zmq::buffer(key_bytes(key->secret_key)));
      watch(doorkeeper_->socket());
    }
    // Peers that do not come so far that the doorkeeper is asked: they speak another protocol, or
    // take this for another master.
    constexpr const char* kFailures = "inproc://handshake-failures";
    constexpr int kKinds =
        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    CHECK_THAT(zmq_socket_monitor(socket_.handle(), kFailures, kKinds) == 0);
    failures_.set(zmq::sockopt::linger, 0);
    failures_.set(zmq::sockopt::rcvhwm, 0);  // a full one would hold up ZeroMQ's own thread
    failures_.connect(kFailures);
    watch(failures_);
    watch(socket_);
  }

  ~ZmqRouter() override {
    zmq_socket_monitor(socket_.handle(), nullptr, 0);
    ::close(epoll_);
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

  void admit(std::shared_ptr<const LinkKeys> keys) override {
    if (doorkeeper_) doorkeeper_->admit(std::move(keys));
  }

  std::uint64_t refused() const override {
    return failed_ + (doorkeeper_ ? doorkeeper_->refused() : 0);
  }

  int fd() const override { return epoll_; }

  bool pending() override {
    return waits(socket_) || waits(failures_) || (doorkeeper_ && waits(doorkeeper_->socket()));
  }

  void receive(std::size_t most, std::vector<Event>& out) override {
    if (doorkeeper_) doorkeeper_->answer();
    count_failures();
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
        // On a plain link a peer could claim any.
        std::string key = doorkeeper_ ? key_of(frames.front()) : std::string();
        if (doorkeeper_ && key.empty()) {
          out.push_back(BadFrame{link, "the connection has proved no key"});
          continue;
        }
        out.push_back(FromAgent{link, std::move(*message), std::move(key)});
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
  static bool waits(zmq::socket_t& socket) {
    return (socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
  }

  void watch(zmq::socket_t& socket) {
    epoll_event readable{};
    readable.events = EPOLLIN;
    CHECK_THAT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.get(zmq::sockopt::fd), &readable) == 0);
  }

  // An event is two frames: its kind with a value, and the address.
  void count_failures() {
    zmq::message_t frame;
    while (failures_.recv(frame, zmq::recv_flags::dontwait)) {
      if (!frame.more()) ++failed_;
    }
  }

  zmq::context_t context_;
  std::optional<Doorkeeper> doorkeeper_;  // on an encrypted link
  mutable zmq::socket_t socket_;
  zmq::socket_t failures_;  // of handshakes
  const int epoll_;         // all of these as one descriptor
  std::uint64_t failed_ = 0;
  Address listen_;
};

}  // namespace

Result<std::unique_ptr<Router>> Router::bind(const Address& listen,
                                             const std::optional<KeyPair>& key) {
  if (!key && !listen.is_loopback()) {
    return Error{ErrorCode::invalid, "a plain link is for loopback alone, and " + listen.text() +
                                         " can be reached from elsewhere: leave out --plain-link"};
  }
  try {
    auto router = std::make_unique<ZmqRouter>(key);
    router->bind(listen);
    return std::unique_ptr<Router>(std::move(router));
  } catch (const zmq::error_t& e) {
    return Error{ErrorCode::unavailable, "cannot listen on " + listen.text() + ": " + e.what()};
  }
}

}  // namespace docket::net
