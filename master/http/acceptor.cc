#include "master/http/acceptor.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace docket::http {
namespace {

// The start of an exam opens hundreds of connections at once.
constexpr int kBacklog = 1024;
constexpr int kRetryMs = 100;  // between tries while the system has no descriptor to give

Error cannot_listen(const Address& listen, const std::string& reason) {
  return {ErrorCode::unavailable, "cannot listen on " + listen.text() + ": " + reason};
}

std::string reason_of(int error) {
  return std::system_category().message(error);
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  CHECK_THAT(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// A listening socket, or -1 and errno. SO_REUSEADDR lets a restarted master bind at once; without
// SO_REUSEPORT a second one on the same port is refused.
UniqueFd listen_on(const addrinfo& at) {
  UniqueFd socket(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int one = 1;
  const bool listening =
      socket.get() >= 0 &&
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
      ::bind(socket.get(), at.ai_addr, at.ai_addrlen) == 0 && ::listen(socket.get(), kBacklog) == 0;
  if (listening) return socket;
  const int error = errno;
  socket = UniqueFd();
  errno = error;
  return {};
}

bool listens_on(const UniqueFd& kept, const addrinfo& at) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int listening = 0;
  socklen_t answer = sizeof listening;
  return kept.get() >= 0 &&
         ::getsockopt(kept.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &answer) == 0 &&
         listening != 0 &&
         ::getsockname(kept.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         size == at.ai_addrlen && std::memcmp(&address, at.ai_addr, size) == 0;
}

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::bind(const Address& listen, UniqueFd kept,
                                                 int spare_descriptors, Logger log) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(listen.port);
  const char* host = listen.host.empty() ? nullptr : listen.host.c_str();
  if (const int error = ::getaddrinfo(host, port.c_str(), &hints, &found)) {
    return cannot_listen(listen, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  const auto made = [&](UniqueFd socket) {
    const Address bound{listen.host, bound_port(socket.get())};
    return std::unique_ptr<Acceptor>(
        new Acceptor(std::move(socket), bound, spare_descriptors, std::move(log)));
  };
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (listens_on(kept, *at)) return made(std::move(kept));
  }
  // It listens elsewhere, perhaps at the same port; this ends that for every copy of it.
  if (kept.get() >= 0) ::shutdown(kept.get(), SHUT_RDWR);
  kept = UniqueFd();
  int error = 0;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd socket = listen_on(*at);
    if (socket.get() >= 0) return made(std::move(socket));
    error = errno;
  }
  return cannot_listen(listen, reason_of(error));
}

Acceptor::Acceptor(UniqueFd socket, Address address, int spare_descriptors, Logger log)
    : socket_(std::move(socket)),
      address_(std::move(address)),
      spare_descriptors_(spare_descriptors),
      log_(std::move(log)) {}

void Acceptor::start(OnAccept on_accept) {
  on_accept_ = std::move(on_accept);
  thread_ = std::thread([this] { run(); });
}

void Acceptor::stop() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
  socket_ = UniqueFd();
}

void Acceptor::run() {
  bool starved = false;
  for (;;) {
    std::array<pollfd, 2> waits = {pollfd{stop_.fd(), POLLIN, 0}, pollfd{socket_.get(), POLLIN, 0}};
    // Out of descriptors, the socket stays readable: sleep instead of spinning on it.
    ::poll(waits.data(), starved ? 1 : 2, starved ? kRetryMs : -1);
    if (waits[0].revents != 0) return;
    const bool was_starved = std::exchange(starved, !accept_some());
    if (starved && !was_starved) log_->warn("http accept=stopped reason=\"{}\"", reason_of(errno));
    if (was_starved && !starved) log_->info("http accept=resumed");
  }
}

// Accepts what waits. False, and errno, when the system has no descriptor or memory to give.
bool Acceptor::accept_some() {
  for (;;) {
    if (!descriptors_left()) return false;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    UniqueFd client(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.get() >= 0) {
      const int one = 1;
      ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      on_accept_(std::move(client), peer);
    } else if (out_of_descriptors(errno)) {
      return false;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    }
    // Anything else was the trouble of that one connection (accept(2), "Error handling").
  }
}

// The system gives the lowest free number: what it would give now tells how many are left.
bool Acceptor::descriptors_left() const {
  rlimit limit{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const UniqueFd lowest(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
  if (lowest.get() < 0) return false;
  const rlim_t taken = static_cast<rlim_t>(lowest.get()) + static_cast<rlim_t>(spare_descriptors_);
  if (taken < limit.rlim_cur) return true;
  errno = EMFILE;
  return false;
}

}  // namespace docket::http
