#include "tests/e2e/raw_client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "protocol/base/address.h"

namespace docket::e2e {

RawClient::RawClient(const std::string& address, int receive_bytes)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  REQUIRE(socket_.get() >= 0);
  if (receive_bytes > 0) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  const auto parsed = parse_address("address", address);
  REQUIRE(parsed.ok());
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(parsed->port);
  REQUIRE(::inet_pton(AF_INET, parsed->host.c_str(), &to.sin_addr) == 1);
  REQUIRE(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void RawClient::leave() {
  socket_ = http::UniqueFd();
}

void RawClient::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  leave();
}

RawAnswer RawClient::answer(bool head_only, int timeout_ms) {
  std::size_t head_end = 0;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(timeout_ms)) return {};
  }
  RawAnswer answer;
  answer.head = cut(head_end + 4);
  answer.status = std::atoi(answer.head.substr(9, 3).c_str());
  const auto length = answer.head.find("Content-Length: ");
  if (length == std::string::npos || head_only) return answer;
  const auto size = std::stoul(answer.head.substr(length + 16));
  while (buffer_.size() < size) {
    if (!fill(timeout_ms)) return {};
  }
  answer.body = cut(size);
  return answer;
}

RawAnswer RawClient::ask(std::string_view request) {
  send(request);
  return answer();
}

bool RawClient::ended(int timeout_ms) {
  while (fill(timeout_ms)) {
  }
  return ended_;
}

bool RawClient::readable(int timeout_ms) {
  pollfd wait{socket_.get(), POLLIN, 0};
  return ::poll(&wait, 1, timeout_ms) == 1;
}

std::string RawClient::cut(std::size_t size) {
  const auto piece = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return piece;
}

bool RawClient::fill(int timeout_ms) {
  if (!readable(timeout_ms)) return false;
  std::array<char, 65536> bytes;
  const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  ended_ = got <= 0;
  return got > 0;
}

}  // namespace docket::e2e
