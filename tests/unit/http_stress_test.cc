// The one that would end us: an answer that reaches another client. Many requests are answered from
// another thread while half the clients hang up early, so that descriptor numbers are reused all
// the time; every answer that arrives must be the asker's own, and whoever stays must get one.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <random>
#include <thread>

#include "master/http/server.h"
#include "master/http/unique_fd.h"
#include "protocol/base/clock.h"
#include "protocol/base/mailbox.h"

using namespace docket;
using namespace docket::http;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kRequests = 20'000;
#else
constexpr std::uint64_t kRequests = 200'000;
#endif
constexpr int kClientThreads = 2;
constexpr std::size_t kClientsPerThread = 48;
constexpr MonoMs kPatienceMs = 30'000;  // then a client that stays counts as unanswered

// splitmix64: the checksum that an answer must carry.
std::uint64_t mix(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

// The number, its checksum and padding: mostly short, now and then more than a socket takes.
std::string answer_to(std::uint64_t number) {
  const auto sum = mix(number);
  std::string body = std::to_string(number) + ":" + std::to_string(sum) + ":";
  body.append(sum % 1000 == 0 ? 5'000'000 : sum % 3000, static_cast<char>('a' + sum % 26));
  return body;
}

std::string wire_of(std::uint64_t number) {
  const auto body = answer_to(number);
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string request_of(std::uint64_t number) {
  const std::string body(mix(number) % 2000, 'q');
  return "POST /" + std::to_string(number) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

Response respond_to(std::uint64_t number) {
  Response response;
  response.body = answer_to(number);
  return response;
}

// The handler's side: some answers at once, most from this thread, some of them late.
class Answerer {
 public:
  std::optional<Response> take(const Request& request) {
    const auto number = std::stoull(request.path.substr(1));
    if (number % 8 == 0) return respond_to(number);
    questions_.post({request.id, number});
    return std::nullopt;
  }

  void run(Server& server, const std::atomic<bool>& stop) {
    std::deque<Question> late;
    while (!stop) {
      questions_.wait(1);
      const auto batch = questions_.take();
      const auto due = batch.empty() ? late.size() : late.size() / 8;
      for (std::size_t i = 0; i < due; ++i) {
        server.respond(late.front().id, respond_to(late.front().number));
        late.pop_front();
      }
      for (const auto& question : batch) {
        if (question.number % 3 == 0) {
          late.push_back(question);
        } else {
          server.respond(question.id, respond_to(question.number));
        }
      }
    }
  }

 private:
  struct Question {
    RequestId id = 0;
    std::uint64_t number = 0;
  };
  Mailbox<Question> questions_;
};

struct Counts {
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t hung_up = 0;
};

// One thread's clients. Each asks one thing after the other, on new connections or on kept ones.
class Crowd {
 public:
  Crowd(const Address& server, std::uint64_t first, std::uint64_t count)
      : next_(first), end_(first + count), random_(first) {
    to_.sin_family = AF_INET;
    to_.sin_port = htons(server.port);
    to_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  Counts run() {
    std::vector<Visitor> visitors(kClientsPerThread);
    for (;;) {
      std::vector<pollfd> polls;
      for (auto& visitor : visitors) {
        if (!visitor.busy && next_ < end_) begin(visitor, next_++);
        polls.push_back({visitor.busy ? visitor.socket.get() : -1, POLLIN, 0});
      }
      const auto busy = [](const Visitor& visitor) { return visitor.busy; };
      if (std::ranges::none_of(visitors, busy)) return counts_;
      ::poll(polls.data(), polls.size(), 1);
      const auto now = read_clock().mono;
      for (std::size_t i = 0; i < visitors.size(); ++i) {
        if (!visitors[i].busy) continue;
        if (polls[i].revents != 0) read(visitors[i]);
        if (visitors[i].busy && now >= visitors[i].until) give_up(visitors[i]);
      }
    }
  }

 private:
  struct Visitor {
    UniqueFd socket;
    bool busy = false;
    bool stays = false;
    MonoMs until = 0;  // when it leaves
    std::string expected;
    std::size_t seen = 0;
  };

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  void begin(Visitor& visitor, std::uint64_t number) {
    if (visitor.socket.get() < 0) {
      visitor.socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const int one = 1;
      ::setsockopt(visitor.socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const auto* to = reinterpret_cast<const sockaddr*>(&to_);
      if (::connect(visitor.socket.get(), to, sizeof to_) != 0) {
        ++counts_.unanswered;
        visitor.socket = UniqueFd();
        return;
      }
    }
    const auto request = request_of(number);
    const auto head_size = request.find("\r\n\r\n") + 4;
    visitor.stays = draw(2) == 0;
    const auto cut = visitor.stays ? 3 : draw(4);  // in mid-head, in mid-body, or not at all
    const auto size = cut == 0   ? draw(head_size)
                      : cut == 1 ? head_size + draw(request.size() - head_size + 1)
                                 : request.size();
    const auto sent = ::send(visitor.socket.get(), request.data(), size, MSG_NOSIGNAL);
    CHECK_THAT(sent == static_cast<ssize_t>(size));
    visitor.expected = wire_of(number);
    visitor.seen = 0;
    visitor.busy = true;
    // Leaves at once, or after the time that answers take.
    visitor.until = read_clock().mono + (visitor.stays ? kPatienceMs : draw(4));
    if (!visitor.stays && draw(2) == 0) give_up(visitor);
  }

  void read(Visitor& visitor) {
    char bytes[65536];
    const auto got = ::recv(visitor.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return give_up(visitor);
    const std::string_view part(bytes, static_cast<std::size_t>(got));
    if (visitor.expected.compare(visitor.seen, part.size(), part) != 0) {
      ++counts_.wrong;
      visitor.busy = false;
      visitor.socket = UniqueFd();
      return;
    }
    visitor.seen += part.size();
    if (visitor.seen < visitor.expected.size() || !visitor.stays) return;
    ++counts_.right;
    visitor.busy = false;
    if (draw(2) == 0) visitor.socket = UniqueFd();
  }

  void give_up(Visitor& visitor) {
    ++(visitor.stays ? counts_.unanswered : counts_.hung_up);
    visitor.busy = false;
    if (draw(2) == 0) {  // abruptly
      const linger at_once{1, 0};
      ::setsockopt(visitor.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    visitor.socket = UniqueFd();
  }

  sockaddr_in to_{};
  std::uint64_t next_;
  std::uint64_t end_;
  std::mt19937_64 random_;
  Counts counts_;
};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_SUITE("http stress (slow)") {
  TEST_CASE("nobody gets another client's answer, whoever stays gets one") {
    const auto descriptors = open_descriptors();
    Answerer answerer;
    Options options;
    options.listen = {"127.0.0.1", 0};
    auto log =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto started = Server::start(
        options, [&](Request&& request) { return answerer.take(request); }, log);
    REQUIRE(started.ok());
    auto server = std::move(started).value();
    std::atomic<bool> stop = false;
    std::thread answering([&] { answerer.run(*server, stop); });

    std::vector<Counts> counts(kClientThreads);
    std::vector<std::thread> threads;
    const auto share = kRequests / kClientThreads;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      threads.emplace_back(
          [&, i] { counts[i] = Crowd(server->address(), i * share, share).run(); });
    }
    for (auto& thread : threads) thread.join();
    stop = true;
    answering.join();

    Counts all;
    for (const auto& part : counts) {
      all.right += part.right;
      all.wrong += part.wrong;
      all.unanswered += part.unanswered;
      all.hung_up += part.hung_up;
    }
    CHECK(all.wrong == 0);
    CHECK(all.unanswered == 0);
    CHECK(all.right + all.hung_up == kRequests);
    CHECK(all.hung_up >= kRequests * 2 / 5);
    const auto end = read_clock().mono + 20'000;
    while (server->open_connections() > 0 && read_clock().mono < end) std::this_thread::yield();
    CHECK(server->open_connections() == 0);
    server.reset();
    CHECK(open_descriptors() < descriptors + 32);  // Pistache keeps a few eventfds of its own
  }
}
