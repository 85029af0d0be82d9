// A sandbox of the test's own making, in the test's process: answers as the test says. Its
// behaviour runs on a thread of the server, one request at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "master/http/server.h"

namespace docket::e2e {

// An answer of Jobe's to POST runs.
http::Response ran(int outcome, const std::string& output = "");
// Any answer; `body` is sent as it is.
http::Response answer(int status, const std::string& body = "\"\"");

class StubSandbox {
 public:
  // Nothing for an answer that never comes, or that respond() gives later.
  using Reply = std::function<std::optional<http::Response>(const http::Request&)>;

  struct Behaviour {
    Reply languages = [](const auto&) { return answer(200, R"([["python3","3.11.2"]])"); };
    Reply run = [](const auto&) { return ran(15, "stub\n"); };
    Reply put_file = [](const auto&) { return answer(204); };
  };

  explicit StubSandbox(Behaviour behaviour);
  ~StubSandbox();

  const std::string& address() const { return address_; }
  int runs() const { return runs_; }  // POST runs so far
  int puts() const { return puts_; }
  void respond(http::RequestId id, http::Response response);
  // Every connection breaks; the same address serves again when it returns.
  void break_connections();
  // Nobody listens at the address, until it serves again.
  void refuse_connections();
  void serve_again();

 private:
  void start(const Address& listen);
  std::optional<http::Response> handle(const http::Request& request);

  Behaviour behaviour_;
  std::atomic<int> runs_ = 0;
  std::atomic<int> puts_ = 0;
  std::string address_;
  std::mutex replacing_;  // guards server_
  std::unique_ptr<http::Server> server_;
  Address listen_again_;
};

}  // namespace docket::e2e
