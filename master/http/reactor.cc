#include "master/http/reactor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

namespace docket::http {
namespace {

using Pistache::Polling::Event;
using Pistache::Polling::Mode;
using Pistache::Polling::NotifyOn;
using Pistache::Polling::Tag;

// Requests taken from one connection in a turn; a client that pipelines must not starve others.
constexpr int kRequestsPerTurn = 32;
constexpr unsigned kReactorShift = 48;
constexpr std::uint64_t kSerialMask = (std::uint64_t{1} << kReactorShift) - 1;

// Hands Pistache's events on to the Reactor whose handler it is.
class Events : public Pistache::Tcp::Handler {
  PROTOTYPE_OF(Pistache::Tcp::Handler, Events)

  void onInput(const char* bytes, std::size_t size,
               const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    reactor().on_input(peer, {bytes, size});
  }
  void onDisconnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer) override {
    reactor().on_disconnection(peer);
  }

 private:
  Reactor& reactor() { return static_cast<Reactor&>(*transport()); }
};

// Often enough that a time-out is at most a quarter late, and at least once a second.
MonoMs tick_ms(const Options& options) {
  const int shortest = std::min({options.idle_timeout_ms, options.head_timeout_ms,
                                 options.body_timeout_ms, options.write_timeout_ms});
  return std::clamp(shortest / 4, 10, 1000);
}

std::string text_of(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {  // an IPv4 client of a dual-stack socket
      ::inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &v6, text, sizeof text);
    }
  } else {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

Reactor::Reactor(std::shared_ptr<const Setup> setup, unsigned index)
    : Transport(std::make_shared<Events>()),
      setup_(std::move(setup)),
      index_(index),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      now_(read_clock().mono) {
  CHECK_THAT(timer_.get() >= 0);
}

Reactor::~Reactor() {
  // Pistache forgets its peers without closing them.
  for (const auto& [fd, peer] : peers) ::close(fd);
}

std::shared_ptr<Pistache::Aio::Handler> Reactor::clone() const {
  return std::make_shared<Reactor>(setup_, clones_++);
}

void Reactor::registerPoller(Pistache::Polling::Epoll& poller) {
  Transport::registerPoller(poller);
  const auto every_ms = tick_ms(setup_->options);
  itimerspec times{};
  times.it_interval.tv_sec = every_ms / 1000;
  times.it_interval.tv_nsec = every_ms % 1000 * 1'000'000;
  times.it_value = times.it_interval;
  CHECK_THAT(::timerfd_settime(timer_.get(), 0, &times, nullptr) == 0);
  for (const int fd : {mailbox_.fd(), timer_.get()}) {
    poller.addFd(fd, Pistache::Flags<NotifyOn>(NotifyOn::Read),
                 Tag(static_cast<std::uint64_t>(fd)));
  }
}

void Reactor::onReady(const Pistache::Aio::FdSet& ready) {
  now_ = read_clock().mono;
  ++turn_;
  bool has_mail = false;
  bool ticked = false;
  std::vector<Event> readable;
  readable.reserve(ready.size());
  for (const auto& entry : ready) {
    const auto fd = static_cast<int>(entry.getTag().value());
    has_mail = has_mail || fd == mailbox_.fd();
    ticked = ticked || fd == timer_.get();
    if (entry.isWritable()) {
      if (Client* client = find(fd)) settle(*client);
    }
    if (entry.isReadable()) {
      readable.emplace_back(entry.getTag()).flags.setFlag(NotifyOn::Read);
    }
  }
  // Pistache would take "writable" for its own queue of writes, which stays empty.
  Transport::onReady(Pistache::Aio::FdSet(std::move(readable)));
  if (has_mail) {
    for (auto& message : mailbox_.take()) {
      std::visit([this](auto& mail) { take(std::move(mail)); }, message);
    }
  }
  if (ticked) tick();
}

RequestId Reactor::id_of(std::uint64_t serial) const {
  return std::uint64_t{setup_->options.listener} << 56 | std::uint64_t{index_} << kReactorShift |
         serial;
}

Reactor::Client* Reactor::find(int fd) {
  const auto at = clients_.find(fd);
  return at == clients_.end() ? nullptr : &at->second;
}

Reactor::Client* Reactor::find(const PeerPtr& peer) {
  Client* client = find(peer->fd());
  return client != nullptr && client->peer == peer ? client : nullptr;
}

void Reactor::on_input(const PeerPtr& peer, std::string_view bytes) {
  Client* client = find(peer);
  CHECK_THAT(client != nullptr);
  client->connection.receive(bytes, now_);
  settle(*client);
}

void Reactor::on_disconnection(const PeerPtr& peer) {
  Client* client = find(peer);
  CHECK_THAT(client != nullptr);
  if (client->serial != 0) {
    unanswered_.erase(client->serial);
    if (setup_->options.traffic) setup_->options.traffic->client_left(client->route);
    if (setup_->gone) setup_->gone(id_of(client->serial));
  }
  clients_.erase(peer->fd());
  if (setup_->options.traffic) setup_->options.traffic->disconnected();
  open_.fetch_sub(1, std::memory_order_relaxed);
}

void Reactor::take(NewClient message) {
  const int fd = message.socket.release();  // removePeer() closes it
  const auto peer = Pistache::Tcp::Peer::Create(
      fd, Pistache::Address::fromUnix(reinterpret_cast<sockaddr*>(&message.peer)));
  const auto [at, fresh] = clients_.try_emplace(
      fd, Client{peer, Connection(setup_->options, *setup_->budget, text_of(message.peer), now_)});
  CHECK_THAT(fresh);
  if (setup_->options.traffic) setup_->options.traffic->connected();
  handleNewPeer(peer);
  if (quiescing_) {
    at->second.connection.quiesce(now_);
    settle(at->second);
  }
}

void Reactor::take(Answer message) {
  const auto serial = message.id & kSerialMask;
  const auto at = unanswered_.find(serial);
  if (at == unanswered_.end()) return;  // the client has gone
  Client* client = find(at->second);
  CHECK_THAT(client != nullptr && client->serial == serial);
  unanswered_.erase(at);
  answer(*client, std::move(message.response));
  settle(*client);
}

void Reactor::take(Quiesce) {
  quiescing_ = true;
  for (auto& [fd, client] : clients_) {
    client.connection.quiesce(now_);
    settle(client);
  }
}

void Reactor::take(Resume message) {
  Client* client = find(message.peer);
  if (client == nullptr) return;
  client->resumes = false;
  settle(*client);
}

void Reactor::tick() {
  std::uint64_t ticks = 0;
  [[maybe_unused]] const auto got = ::read(timer_.get(), &ticks, sizeof ticks);
  std::vector<PeerPtr> gone;
  for (auto& [fd, client] : clients_) {
    // Should have read as ended before this tick; if an event got lost, this is its end.
    if (client.applied >= Fate::closed) gone.push_back(client.peer);
    if (now_ < client.connection.deadline()) continue;
    client.connection.expire(now_);
    settle(client);
  }
  for (const auto& peer : gone) {
    on_disconnection(peer);
    removePeer(peer);
  }
}

// Sends what can be sent, takes what can be taken, until the client has to do something. Never
// removes a client, because Pistache may be in the middle of reading from it: a socket that is shut
// down reads as ended, and then Pistache removes it.
void Reactor::settle(Client& client) {
  for (;;) {
    flush(client);
    if (!client.connection.output().empty()) break;
    if (std::exchange(client.turn, turn_) != turn_) client.taken = 0;
    if (client.taken >= kRequestsPerTurn) {
      if (!std::exchange(client.resumes, true)) post(Resume{client.peer});
      break;
    }
    if (auto request = client.connection.take_request(now_)) {
      ++client.taken;
      handle(client, std::move(*request));
    } else if (client.connection.output().empty()) {
      break;
    }
  }
  const int refused = client.connection.take_refusal();
  if (refused != 0 && setup_->options.traffic) setup_->options.traffic->refused(refused);
  apply_fate(client);
  apply_interest(client);
}

void Reactor::flush(Client& client) {
  for (;;) {
    const auto rest = client.connection.output();
    if (rest.empty()) return;
    const auto sent =
        ::send(client.peer->fd(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      client.connection.sent(static_cast<std::size_t>(sent), now_);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      return client.connection.lose();
    }
  }
}

void Reactor::handle(Client& client, Request&& request) {
  const auto serial = ++last_serial_ & kSerialMask;
  request.id = id_of(serial);
  client.serial = serial;
  unanswered_.emplace(serial, client.peer->fd());
  if (const Traffic* traffic = setup_->options.traffic.get()) {
    client.route = traffic->route_of(request.method, request.path);
    client.handed_over = read_clock().mono;
  }
  std::optional<Response> response;
  const auto failed = [&](std::string_view what) {
    setup_->log->error("http handler=failed error=\"{}\"", what);
    response = Response{.status = 500, .headers = {}, .body = "\"Internal error\"", .close = true};
  };
  try {
    response = setup_->handler(std::move(request));
  } catch (const std::exception& error) {
    failed(error.what());
  } catch (...) {
    failed("not a std::exception");
  }
  if (!response) return;
  unanswered_.erase(serial);
  answer(client, std::move(*response));
}

void Reactor::answer(Client& client, Response&& response) {
  client.serial = 0;
  if (Traffic* traffic = setup_->options.traffic.get()) {
    traffic->answered(client.route, response.status, read_clock().mono - client.handed_over);
  }
  client.connection.answer(std::move(response), now_);
}

void Reactor::apply_fate(Client& client) {
  const Fate fate = client.connection.fate();
  if (fate == std::exchange(client.applied, fate)) return;
  const int fd = client.peer->fd();
  if (fate == Fate::reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::shutdown(fd, fate == Fate::half_closed ? SHUT_WR : SHUT_RDWR);
}

void Reactor::apply_interest(Client& client) {
  const bool wanted = !client.connection.output().empty();
  if (wanted == std::exchange(client.awaits_writable, wanted)) return;
  // Edge-triggered, like Pistache's own registration; changing it reports what is ready already.
  reactor()->modifyFd(key(), client.peer->fd(),
                      wanted ? NotifyOn::Read | NotifyOn::Write : NotifyOn::Read, Mode::Edge);
}

}  // namespace docket::http
