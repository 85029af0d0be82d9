#include "agent/doctor/reach.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <thread>

namespace docket::agent {
namespace {

using AddressList = std::shared_ptr<addrinfo>;

Error unreachable(const std::string& why) {
  return {ErrorCode::unavailable, why};
}

Result<AddressList> look_up(const std::string& host, const std::string& port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  if (code != 0) return unreachable(::gai_strerror(code));
  return AddressList(found, &::freeaddrinfo);
}

// A resolver that hangs cannot be told to stop: its thread is left behind.
Result<AddressList> look_up(const Address& address, int timeout_ms) {
  auto promise = std::make_shared<std::promise<Result<AddressList>>>();
  auto answer = promise->get_future();
  std::thread([promise, host = address.host, port = std::to_string(address.port)] {
    promise->set_value(look_up(host, port));
  }).detach();
  if (answer.wait_for(std::chrono::milliseconds(timeout_ms)) != std::future_status::ready) {
    return unreachable("no answer of the resolver within " + std::to_string(timeout_ms / 1'000) +
                       " s");
  }
  return answer.get();
}

// 0 or errno.
int connect_one(const addrinfo& to, int timeout_ms) {
  const int fd = ::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int problem = ::connect(fd, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  if (problem == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    problem = ETIMEDOUT;
    socklen_t size = sizeof problem;
    if (::poll(&wait, 1, timeout_ms) == 1) {
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    }
  }
  ::close(fd);
  return problem;
}

}  // namespace

Status resolve(const Address& address, int timeout_ms) {
  const auto found = look_up(address, timeout_ms);
  return found ? ok_status() : found.error();
}

Status connect_to(const Address& address, int timeout_ms) {
  const auto found = look_up(address, timeout_ms);
  if (!found) return found.error();
  int count = 0;
  for (const addrinfo* each = found->get(); each != nullptr; each = each->ai_next) ++count;
  int problem = EHOSTUNREACH;
  for (const addrinfo* each = found->get(); each != nullptr; each = each->ai_next) {
    problem = connect_one(*each, timeout_ms / count);
    if (problem == 0) return ok_status();
  }
  return unreachable(std::strerror(problem));
}

}  // namespace docket::agent
