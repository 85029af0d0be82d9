// The counts of a listener's answers, on real sockets.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "master/http/server.h"
#include "master/http/unique_fd.h"
#include "protocol/base/mailbox.h"

using namespace docket;
using namespace docket::http;

namespace {

UniqueFd dial(const Address& to) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
  REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

// Sends, and reads until the server ends the connection.
std::string ask(const Address& to, const std::string& bytes) {
  const UniqueFd socket = dial(to);
  REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  std::string all;
  char piece[4096];
  for (ssize_t got; (got = ::recv(socket.get(), piece, sizeof piece, 0)) > 0;) {
    all.append(piece, static_cast<std::size_t>(got));
  }
  return all;
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
}

template <class Ask>
bool eventually(Ask ask_) {
  for (int i = 0; i < 10'000; ++i) {
    if (ask_()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

TEST_SUITE("http traffic") {
  TEST_CASE("answers at once, later, to nobody, and refusals are all counted") {
    const auto traffic = std::make_shared<Traffic>(
        std::vector<Traffic::RouteName>{{"GET", "/now"}, {"GET", "/later"}},
        [](std::string_view, std::string_view path) {
          return path == "/now" ? std::size_t{0} : path == "/later" ? std::size_t{1} : 99;
        });
    Mailbox<RequestId> asked;
    Options options;
    options.listen = {"127.0.0.1", 0};
    options.threads = 1;
    options.traffic = traffic;
    auto started = Server::start(
        options,
        [&](Request&& request) -> std::optional<Response> {
          if (request.path == "/later") {
            asked.post(request.id);
            return std::nullopt;
          }
          return Response{.status = request.path == "/now" ? 200 : 404, .headers = {}, .body = "1"};
        },
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>()));
    REQUIRE(started.ok());
    const auto server = std::move(*started);
    const Address address = server->address();

    for (int i = 0; i < 3; ++i) CHECK(ask(address, get("/now")).starts_with("HTTP/1.1 200"));
    CHECK(ask(address, get("/nosuch")).starts_with("HTTP/1.1 404"));
    CHECK(ask(address, "GET /now HTTP/1.1\r\nBroken\r\n\r\n").starts_with("HTTP/1.1 400"));
    std::thread answering([&] {
      asked.wait(-1);
      for (const RequestId id : asked.take())
        server->respond(id, Response{.headers = {}, .body = "2"});
    });
    CHECK(ask(address, get("/later")).starts_with("HTTP/1.1 200"));
    answering.join();
    {
      const UniqueFd leaving = dial(address);
      const std::string request = get("/later");
      REQUIRE(::send(leaving.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
      asked.wait(-1);
      CHECK(asked.take().size() == 1);
      CHECK(traffic->connections() >= 1);
    }
    CHECK(eventually([&] { return traffic->read()[1].statuses.contains(Traffic::kClientLeft); }));
    CHECK(eventually([&] { return traffic->connections() == 0; }));

    const auto seen = traffic->read();
    REQUIRE(seen.size() == 3);
    using Statuses = std::map<int, std::uint64_t>;
    CHECK(seen[0].statuses == Statuses{{200, 3}});
    CHECK(seen[0].seconds.total() == 3);
    CHECK(seen[1].statuses == Statuses{{200, 1}, {499, 1}});
    CHECK(seen[1].seconds.total() == 1);
    CHECK(seen[2].statuses == Statuses{{400, 1}, {404, 1}});
    CHECK(seen[2].seconds.total() == 1);  // what was no request took no time
  }

  TEST_CASE("a status out of range is counted at the edge, whatever threads count") {
    Traffic traffic({{"GET", "/"}}, [](auto, auto) { return std::size_t{0}; });
    traffic.answered(0, 99, 1);
    traffic.answered(0, 1'000, 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 10'000; ++n) traffic.answered(0, 200, 3);
      });
    }
    for (auto& thread : threads) thread.join();
    const auto seen = traffic.read();
    CHECK(seen[0].statuses.at(100) == 1);
    CHECK(seen[0].statuses.at(599) == 1);
    CHECK(seen[0].statuses.at(200) == 40'000);
    CHECK(seen[0].seconds.total() == 40'002);
  }
}
