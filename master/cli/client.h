// Client: one master's operations listener over HTTP, one request at a time on a connection of its
// own, so that no request is ever sent twice. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"

namespace docket::cli {

struct Request {
  std::string method = "GET";
  std::string path;  // with its query, already percent-encoded
  std::string body;
  std::vector<std::string> headers;  // "Name: value"
  long timeout_s = 30;               // for the whole exchange; 0: without limit
  std::function<void()> meanwhile;   // called each second or so until the answer is there
};

struct Reply {
  int status = 0;
  std::string body;
};

// Which master, and what every request to it carries.
struct Master {
  std::string url;      // "http://H:P" or "https://H:P"
  std::string token;    // empty: none
  std::string ca_file;  // whose certificates are believed; empty: the system's
  std::string reason;   // why the person does it, for the audit; empty: not told
};

class Client {
 public:
  explicit Client(Master master);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Whatever HTTP status came. unavailable when the master cannot be reached or breaks off,
  // timed_out after timeout_s, too_large when the answer has no end.
  Result<Reply> send(const Request& request);

  const std::string& url() const { return master_.url; }
  const Master& master() const { return master_; }

 private:
  struct Handle;

  const Master master_;
  std::unique_ptr<Handle> handle_;
};

// Of that method to that path, with that body in JSON unless it is empty.
Request make_request(std::string method, std::string path, std::string json = {});

}  // namespace docket::cli
