// One HTTP connection that sends exactly the bytes it is given and reads answers strictly: for
// contract tests, where a client library would tidy up both. One thread; every wait is bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace docket::contract {

struct Request {
  std::string head;  // to the empty line
  std::string body;
  bool waits_for_continue = false;  // the body is sent only after 100 Continue
  bool head_only = false;           // HEAD: no body comes back
  std::size_t piece_bytes = 0;      // above 0: sent in pieces of so many bytes
};

struct Answer {
  std::vector<std::string> interim;                          // status lines of 1xx
  int status = 0;                                            // 0: closed without an answer
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
  std::string problem;  // what is wrong with its framing, or that it did not come; empty: nothing

  std::optional<std::string> header(const std::string& name) const;  // the first of that name
};

// The head of an answer, from its status line to the empty line.
Answer parse_head(const std::string& head);

class Connection {
 public:
  explicit Connection(const std::string& address);  // "H:P"
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Within 60 s, or the answer says so.
  Answer exchange(const Request& request);
  bool is_open() const { return fd_ >= 0; }

 private:
  bool send(const std::string& bytes, std::size_t piece_bytes);
  bool receive();
  std::optional<std::string> next_head();
  bool read_body(Answer& answer);
  bool read_chunks(Answer& answer);
  void close();

  int fd_ = -1;
  std::string input_;
};

}  // namespace docket::contract
