#include "tests/contract/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <sstream>

#include "protocol/base/address.h"

namespace docket::contract {
namespace {

constexpr timeval kPatience{60, 0};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::optional<std::string> Answer::header(const std::string& name) const {
  for (const auto& [own, value] : headers) {
    if (own == name) return value;
  }
  return std::nullopt;
}

Answer parse_head(const std::string& head) {
  Answer answer;
  std::istringstream lines(head);
  std::string line;
  std::getline(lines, line);
  if (line.starts_with("HTTP/1.") && line.size() > 12) answer.status = std::atoi(line.c_str() + 9);
  if (answer.status < 100 || answer.status > 599) answer.problem = "no status line: " + line;
  while (std::getline(lines, line) && line != "\r") {
    if (line.ends_with('\r')) line.pop_back();
    const auto colon = line.find(':');
    if (colon == std::string::npos) {
      answer.problem = "no header: " + line;
      break;
    }
    const auto value = line.find_first_not_of(' ', colon + 1);
    answer.headers.emplace_back(lower(line.substr(0, colon)),
                                value == std::string::npos ? "" : line.substr(value));
  }
  return answer;
}

Connection::Connection(const std::string& address_text) {
  const auto address = parse_address("address", address_text);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address ? address->port : 0);
  if (!address || ::inet_pton(AF_INET, address->host.c_str(), &to.sin_addr) != 1) return;
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) close();
}

Connection::~Connection() {
  close();
}

void Connection::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Connection::send(const std::string& bytes, std::size_t piece_bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t left = bytes.size() - at;
    const std::size_t piece = piece_bytes == 0 ? left : std::min(left, piece_bytes);
    const auto sent = ::send(fd_, bytes.data() + at, piece, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

// False at the end of the stream, or when nothing came in time.
bool Connection::receive() {
  std::array<char, 65'536> buffer;
  const auto got = fd_ < 0 ? 0 : ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    close();
    return false;
  }
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> Connection::next_head() {
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  std::string head = input_.substr(0, end + 4);
  input_.erase(0, end + 4);
  return head;
}

bool Connection::read_chunks(Answer& answer) {
  for (;;) {
    std::size_t line = 0;
    while ((line = input_.find("\r\n")) == std::string::npos) {
      if (!receive()) return false;
    }
    std::size_t size = 0;
    std::from_chars(input_.data(), input_.data() + line, size, 16);
    while (input_.size() < line + 2 + size + 2) {
      if (!receive()) return false;
    }
    answer.body.append(input_, line + 2, size);
    input_.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

bool Connection::read_body(Answer& answer) {
  if (answer.header("transfer-encoding") == "chunked") return read_chunks(answer);
  const auto length = answer.header("content-length");
  if (!length) {
    while (receive()) continue;
    answer.body = std::exchange(input_, {});
    return true;
  }
  const std::size_t bytes = std::stoul(*length);
  while (input_.size() < bytes) {
    if (!receive()) return false;
  }
  answer.body = input_.substr(0, bytes);
  input_.erase(0, bytes);
  return true;
}

Answer Connection::exchange(const Request& request) {
  Answer answer;
  if (!is_open()) {
    answer.problem = "cannot connect";
    return answer;
  }
  const bool whole = !request.waits_for_continue;
  bool body_sent = whole;
  // What cannot be sent was refused before: the answer says why.
  bool sent = send(whole ? request.head + request.body : request.head, request.piece_bytes);
  std::vector<std::string> interim;
  for (;;) {
    const auto head = next_head();
    if (!head) {
      if (!input_.empty()) answer.problem = "an answer breaks off in its head";
      close();
      return answer;
    }
    answer = parse_head(*head);
    if (!answer.problem.empty()) return answer;
    if (answer.status >= 200) break;
    interim.push_back(head->substr(0, head->find("\r\n")));
    if (answer.status == 100 && !body_sent) {
      body_sent = true;
      sent = send(request.body, request.piece_bytes);
    }
  }
  answer.interim = std::move(interim);
  const bool has_body = !request.head_only && answer.status != 204 && answer.status != 304;
  if (has_body && !read_body(answer)) answer.problem = "the body breaks off";
  const auto connection = answer.header("connection");
  if (!sent || !body_sent || (connection && lower(*connection) == "close")) {
    while (receive()) continue;
  }
  if (!input_.empty()) answer.problem = "bytes behind the answer: " + input_.substr(0, 80);
  return answer;
}

}  // namespace docket::contract
