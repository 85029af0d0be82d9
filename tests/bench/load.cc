#include "tests/bench/load.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "protocol/base/check.h"
#include "tests/bench/answer_reader.h"

namespace docket::bench {
namespace {

using MonoUs = std::int64_t;

constexpr MonoUs kSecond = 1'000'000;
constexpr MonoUs kLostAfter = 10 * kSecond;  // from the end of sending
constexpr std::uint64_t kMostErrors = 1'000;
constexpr int kWaitMs = 100;  // the longest sleep, so that ends are noticed
constexpr std::size_t kReadBytes = 64 << 10;

MonoUs mono_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return MonoUs{now.tv_sec} * kSecond + now.tv_nsec / 1'000;
}

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

Error failure(const Address& target, const std::string& reason) {
  return {ErrorCode::unavailable, "cannot connect to " + target.text() + ": " + reason};
}

// Connected, and non-blocking from then on.
Result<Socket> dial(const Address& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(target.port);
  if (const int error = ::getaddrinfo(target.host.c_str(), port.c_str(), &hints, &found)) {
    return failure(target, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0 || ::connect(socket.fd(), found->ai_addr, found->ai_addrlen) != 0) {
    return failure(target, std::system_category().message(errno));
  }
  const int one = 1;
  ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return socket;
}

struct Client {
  Socket socket;
  AnswerReader reader;
  std::size_t sent_bytes = 0;  // of the request
  MonoUs asked = 0;
  bool waiting = false;  // for an answer
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(static_cast<std::size_t>(options.connections)) {
    CHECK_THAT(epoll_.fd() >= 0);
  }

  Status connect() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (auto opened = open(i); !opened) return opened;
    }
    return ok_status();
  }

  LoadReport run() {
    const MonoUs start = mono_us();
    end_ = start + options_.seconds * kSecond;
    for (Client& client : clients_) ask(client, mono_us());
    std::array<epoll_event, 256> events;
    while (waiting_ > 0 && report_.errors < kMostErrors && mono_us() < end_ + kLostAfter) {
      const int ready = ::epoll_wait(epoll_.fd(), events.data(), events.size(), kWaitMs);
      for (int i = 0; i < ready; ++i) on_ready(events[static_cast<std::size_t>(i)].data.u64);
    }
    report_.requests += waiting_;
    report_.errors += waiting_;
    report_.seconds = static_cast<double>(mono_us() - start) / static_cast<double>(kSecond);
    return std::move(report_);
  }

 private:
  Status open(std::size_t index) {
    Client& client = clients_[index];
    client.socket = Socket();
    auto socket = dial(options_.target);
    if (!socket) return socket.error();
    client.socket = std::move(*socket);
    client.reader.next();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u64 = index;
    CHECK_THAT(::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, client.socket.fd(), &event) == 0);
    return ok_status();
  }

  void ask(Client& client, MonoUs now) {
    if (now >= end_ || client.socket.fd() < 0) return;
    client.reader.next();
    client.sent_bytes = 0;
    client.asked = now;
    client.waiting = true;
    ++waiting_;
    send_rest(client);
  }

  // A broken connection shows when it is read.
  void send_rest(Client& client) {
    const std::string& request = options_.request;
    while (client.sent_bytes < request.size()) {
      const auto sent = ::send(client.socket.fd(), request.data() + client.sent_bytes,
                               request.size() - client.sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) return;
      client.sent_bytes += static_cast<std::size_t>(sent);
    }
  }

  void on_ready(std::size_t index) {
    Client& client = clients_[index];
    if (client.waiting) send_rest(client);
    for (;;) {
      const auto got = ::recv(client.socket.fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got <= 0) return renew(index);
      const auto bytes = static_cast<std::size_t>(got);
      if (!client.waiting) return renew(index);
      const auto state = client.reader.feed({buffer_.data(), bytes});
      if (state == AnswerReader::State::failed) return renew(index);
      if (state == AnswerReader::State::complete) {
        answered(client);
        if (!client.reader.keep_alive()) return renew(index);
        ask(client, mono_us());
      }
      if (bytes < buffer_.size()) return;  // all that was there: epoll(7), question 9
    }
  }

  void answered(Client& client) {
    const MonoUs now = mono_us();
    settle(client);
    if (client.reader.ran_with(options_.outcome)) {
      report_.latencies.add(static_cast<std::uint32_t>(now - client.asked));
    } else {
      ++report_.errors;
    }
  }

  void settle(Client& client) {
    client.waiting = false;
    --waiting_;
    ++report_.requests;
  }

  // The connection is no more use: what was in flight on it is lost.
  void renew(std::size_t index) {
    Client& client = clients_[index];
    if (client.waiting) {
      settle(client);
      ++report_.errors;
    }
    if (const auto opened = open(index); !opened) {
      ++report_.errors;
      return;
    }
    ask(client, mono_us());
  }

  const LoadOptions& options_;
  Socket epoll_;
  std::vector<Client> clients_;
  std::array<char, kReadBytes> buffer_{};
  std::uint64_t waiting_ = 0;
  MonoUs end_ = 0;
  LoadReport report_;
};

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options) {
  const auto load = std::make_unique<Load>(options);
  if (auto connected = load->connect(); !connected) return connected.error();
  return load->run();
}

}  // namespace docket::bench
