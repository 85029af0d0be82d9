// A client of bare sockets for a test: sends what no HTTP library would, and ends as it likes.
// One thread each.
#pragma once

#include <string>
#include <string_view>

#include "master/http/unique_fd.h"

namespace docket::e2e {

struct RawAnswer {
  int status = 0;  // 0: the connection ended, or nothing came in time
  std::string head;
  std::string body;
};

class RawClient {
 public:
  // Connects to "127.0.0.1:PORT". With receive_bytes the system takes in no more than about that.
  explicit RawClient(const std::string& address, int receive_bytes = 0);

  // False when the connection has ended; what came before can still be read.
  bool send(std::string_view bytes);
  void end_sending();  // FIN: half closed
  void leave();        // closes
  void reset();        // RST

  // The next answer, as long as its Content-Length says; a HEAD's has no body.
  RawAnswer answer(bool head_only = false, int timeout_ms = kPatienceMs);
  RawAnswer ask(std::string_view request);
  // Reads on until the server ends the connection; false when it does not in time.
  bool ended(int timeout_ms = kPatienceMs);
  bool readable(int timeout_ms);
  const std::string& unread() const { return buffer_; }

 private:
  static constexpr int kPatienceMs = 60'000;

  bool fill(int timeout_ms);
  std::string cut(std::size_t size);

  http::UniqueFd socket_;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace docket::e2e
