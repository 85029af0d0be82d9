// The link over real sockets: who gets through the handshake, who does not, and who is counted.
#include <doctest/doctest.h>
#include <poll.h>

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
