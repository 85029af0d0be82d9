// The link over real sockets: who gets through the handshake, who does not, and who is counted.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "agent/net/dealer.h"
#include "master/net/router.h"
#include "protocol/base/clock.h"

using namespace docket;
using docket::agent::Dealer;
using docket::agent::DialKeys;
using docket::agent::LinkTrouble;

namespace {

constexpr MonoMs kHangMs = 20'000;  // what has not come by then never will

const Address kAnyPort{"127.0.0.1", 0};

std::unique_ptr<net::Router> listen(const std::optional<KeyPair>& key) {
  auto router = net::Router::bind(kAnyPort, key);
  REQUIRE_MESSAGE(router.ok(), router.error().message);
  return std::move(*router);
}

std::unique_ptr<Dealer> dial(const Address& master, const std::optional<DialKeys>& keys) {
  auto dealer = Dealer::connect(master, keys);
  REQUIRE_MESSAGE(dealer.ok(), dealer.error().message);
  return std::move(*dealer);
}

std::shared_ptr<const LinkKeys> keys_of(std::initializer_list<std::string> keys) {
  return std::make_shared<const LinkKeys>(keys);
}

// Both ends at work on one thread, until `done`; false when it never is.
class Ends {
 public:
  Ends(net::Router& router, Dealer& dealer) : router_(router), dealer_(dealer) {}

  template <class Done>
  bool work_until(Done done) {
    const MonoMs end = read_clock().mono + kHangMs;
    while (!done()) {
      if (read_clock().mono >= end) return false;
      router_.receive(100, at_master);
      dealer_.receive(100, at_agent);
      pollfd fds[2] = {{router_.fd(), POLLIN, 0}, {dealer_.fd(), POLLIN, 0}};
      if (!router_.pending() && !dealer_.pending()) ::poll(fds, 2, 20);
    }
    return true;
  }

  std::vector<Event> at_master;
  std::vector<agent::Event> at_agent;

 private:
  net::Router& router_;
  Dealer& dealer_;
};

// In between: passes all bytes on, and keeps them.
class Tap {
 public:
  explicit Tap(const Address& to) : to_(to), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&any), size) == 0);
    REQUIRE(::listen(listener_, 10) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size) == 0);
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Tap() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  Address address() const { return {"127.0.0.1", port_}; }
  std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void run() {
    std::vector<pollfd> ends = {{listener_, POLLIN, 0}};  // then pairs of connections
    while (!stop_) {
      ::poll(ends.data(), ends.size(), 20);
      if (ends[0].revents != 0) take_in(ends);
      for (std::size_t i = 1; i < ends.size(); ++i) {
        if (ends[i].revents != 0) pass(ends[i].fd, ends[i % 2 == 1 ? i + 1 : i - 1].fd);
      }
    }
    for (std::size_t i = 1; i < ends.size(); ++i) ::close(ends[i].fd);
  }
  void take_in(std::vector<pollfd>& ends) const {
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(to_.port);
    const int in = ::accept(listener_, nullptr, nullptr);
    const int out = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(out, reinterpret_cast<sockaddr*>(&there), sizeof there);
    for (const int fd : {in, out}) ends.push_back({fd, POLLIN, 0});
  }
  void pass(int from, int to) {
    char bytes[4'096];
    const auto size = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size <= 0) return;
    const std::lock_guard lock(mutex_);
    seen_.append(bytes, static_cast<std::size_t>(size));
    ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  }

  const Address to_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::string seen_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Says it until there is a connection.
bool say(Ends& ends, Dealer& dealer, const ToMaster& message) {
  return ends.work_until([&] { return dealer.send(message); });
}

}  // namespace

TEST_SUITE("link") {
  TEST_CASE("a known key comes through, is told with each message, and is answered") {
    const KeyPair master = make_key_pair();
    const KeyPair own = make_key_pair();
    const auto router = listen(master);
    router->admit(keys_of({own.public_key}));
    const auto dealer = dial(router->address(), DialKeys{master.public_key, own});
    Ends ends(*router, *dealer);
    REQUIRE(say(ends, *dealer, Heartbeat{7}));
    REQUIRE(ends.work_until([&] { return !ends.at_master.empty(); }));
    const auto& message = std::get<FromAgent>(ends.at_master[0]);
    CHECK(message.key == own.public_key);
    CHECK(std::get<Heartbeat>(message.message).sender_ms == 7);
    CHECK(router->send(message.link, Heartbeat{8}));
    CHECK(ends.work_until([&] { return !ends.at_agent.empty(); }));
    CHECK(router->refused() == 0);
    CHECK(dealer->trouble() == LinkTrouble::none);
  }

  TEST_CASE("nothing that is said can be read on the way") {
    const std::string secret = "print('what a student wrote')";
    const auto on_the_way = [&](const std::optional<KeyPair>& master) {
      const KeyPair own = make_key_pair();
      const auto router = listen(master);
      router->admit(keys_of({own.public_key}));
      Tap tap(router->address());
      std::optional<DialKeys> keys;
      if (master) keys = DialKeys{master->public_key, own};
      const auto dealer = dial(tap.address(), keys);
      Ends ends(*router, *dealer);
      SandboxReport report;
      report.sandbox_problem = secret;
      REQUIRE(say(ends, *dealer, report));
      REQUIRE(ends.work_until([&] { return !ends.at_master.empty(); }));
      const auto& told = std::get<FromAgent>(ends.at_master[0]);
      CHECK(std::get<SandboxReport>(told.message).sandbox_problem == secret);
      return tap.seen();
    };
    CHECK(on_the_way(std::nullopt).find(secret) != std::string::npos);  // the tap works
    const std::string seen = on_the_way(make_key_pair());
    CHECK(seen.size() > secret.size());
    CHECK(seen.find(secret) == std::string::npos);
  }

  TEST_CASE("a token is known by the digest of its key") {
    const KeyPair master = make_key_pair();
    const KeyPair token = make_key_pair();
    const auto router = listen(master);
    router->admit(keys_of({token_id_of(token.public_key)}));
    const auto dealer = dial(router->address(), DialKeys{master.public_key, token});
    Ends ends(*router, *dealer);
    REQUIRE(say(ends, *dealer, Join{}));
    REQUIRE(ends.work_until([&] { return !ends.at_master.empty(); }));
    CHECK(std::get<FromAgent>(ends.at_master[0]).key == token.public_key);
  }

  TEST_CASE("an unknown key gets nothing but a counted refusal, and comes in once it is known") {
    const KeyPair master = make_key_pair();
    const KeyPair own = make_key_pair();
    const auto router = listen(master);
    router->admit(keys_of({make_key_pair().public_key}));
    const auto dealer = dial(router->address(), DialKeys{master.public_key, own});
    Ends ends(*router, *dealer);
    REQUIRE(ends.work_until([&] { return dealer->trouble() == LinkTrouble::refused; }));
    CHECK_FALSE(dealer->send(Heartbeat{}));
    CHECK(router->refused() >= 1);
    CHECK(ends.at_master.empty());
    CHECK(ends.at_agent.empty());
    router->admit(keys_of({own.public_key}));
    CHECK(say(ends, *dealer, Heartbeat{}));
    CHECK(ends.work_until([&] { return dealer->trouble() == LinkTrouble::none; }));
  }

  TEST_CASE("before the first word on who is admitted, nobody is") {
    const KeyPair master = make_key_pair();
    const KeyPair own = make_key_pair();
    const auto router = listen(master);
    const auto dealer = dial(router->address(), DialKeys{master.public_key, own});
    Ends ends(*router, *dealer);
    CHECK(ends.work_until([&] { return dealer->trouble() == LinkTrouble::refused; }));
    CHECK(router->refused() >= 1);
  }

  TEST_CASE("a revoked key does not come back") {
    const KeyPair master = make_key_pair();
    const KeyPair own = make_key_pair();
    const auto router = listen(master);
    router->admit(keys_of({own.public_key}));
    const auto dealer = dial(router->address(), DialKeys{master.public_key, own});
    Ends ends(*router, *dealer);
    REQUIRE(say(ends, *dealer, Heartbeat{}));
    router->admit(keys_of({}));
    dealer->reconnect();
    CHECK(ends.work_until([&] { return dealer->trouble() == LinkTrouble::refused; }));
    CHECK(router->refused() >= 1);
  }

  TEST_CASE("an agent sends nothing to a master that has another key") {
    const KeyPair own = make_key_pair();
    const auto router = listen(make_key_pair());
    router->admit(keys_of({own.public_key}));
    const auto dealer = dial(router->address(), DialKeys{make_key_pair().public_key, own});
    Ends ends(*router, *dealer);
    REQUIRE(ends.work_until([&] { return dealer->trouble() == LinkTrouble::broken; }));
    CHECK_FALSE(dealer->send(Heartbeat{}));
    CHECK(ends.work_until([&] { return router->refused() >= 1; }));
    CHECK(ends.at_master.empty());
  }

  TEST_CASE("who does not encrypt gets nothing from an encrypted link") {
    const auto router = listen(make_key_pair());
    router->admit(keys_of({}));
    const auto dealer = dial(router->address(), std::nullopt);
    Ends ends(*router, *dealer);
    CHECK(ends.work_until([&] { return router->refused() >= 1; }));
    CHECK_FALSE(dealer->send(Heartbeat{}));
    CHECK(ends.at_master.empty());
  }

  TEST_CASE("a plain link is for loopback alone, on both ends") {
    for (const char* host : {"0.0.0.0", "::", "192.0.2.1"}) {
      const auto router = net::Router::bind({host, 0}, std::nullopt);
      REQUIRE_FALSE(router.ok());
      CHECK(router.error().message.find("loopback") != std::string::npos);
      const auto dealer = Dealer::connect({host, 4002}, std::nullopt);
      REQUIRE_FALSE(dealer.ok());
      CHECK(dealer.error().message.find("loopback") != std::string::npos);
    }
    const auto router = listen(std::nullopt);
    const auto dealer = dial(router->address(), std::nullopt);
    Ends ends(*router, *dealer);
    REQUIRE(say(ends, *dealer, Heartbeat{}));
    REQUIRE(ends.work_until([&] { return !ends.at_master.empty(); }));
    CHECK(std::get<FromAgent>(ends.at_master[0]).key.empty());
  }
}
