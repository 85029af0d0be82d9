#include "tests/e2e/stub_sandbox.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace docket::e2e {

http::Response ran(int outcome, const std::string& output) {
  return answer(200, R"({"run_id":null,"outcome":)" + std::to_string(outcome) +
                         R"(,"cmpinfo":"","stdout":)" + nlohmann::json(output).dump() +
                         R"(,"stderr":""})");
}

http::Response answer(int status, const std::string& body) {
  http::Response response;
  response.status = status;
  response.body = body;
  return response;
}

StubSandbox::StubSandbox(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  start({"127.0.0.1", 0});
}

StubSandbox::~StubSandbox() = default;

void StubSandbox::start(const Address& listen) {
  http::Options options;
  options.listen = listen;
  options.threads = 1;
  auto log = make_logger("stub-sandbox", "error");
  REQUIRE(log.ok());
  auto server = http::Server::start(
      options, [this](http::Request&& request) { return handle(request); }, *log);
  REQUIRE_MESSAGE(server.ok(), server.error().message);
  server_ = std::move(server).value();
  address_ = server_->address().text();
}

void StubSandbox::respond(http::RequestId id, http::Response response) {
  const std::lock_guard lock(replacing_);
  if (server_ != nullptr) server_->respond(id, std::move(response));
}

void StubSandbox::break_connections() {
  refuse_connections();
  serve_again();
}

void StubSandbox::refuse_connections() {
  const std::lock_guard lock(replacing_);
  listen_again_ = server_->address();
  server_.reset();
}

void StubSandbox::serve_again() {
  const std::lock_guard lock(replacing_);
  start(listen_again_);
}

std::optional<http::Response> StubSandbox::handle(const http::Request& request) {
  if (request.path.ends_with("/languages")) return behaviour_.languages(request);
  if (request.path.ends_with("/runs")) {
    ++runs_;
    return behaviour_.run(request);
  }
  if (request.path.find("/files/") != std::string::npos && request.method == "PUT") {
    ++puts_;
    return behaviour_.put_file(request);
  }
  return answer(404);
}

}  // namespace docket::e2e
