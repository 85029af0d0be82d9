// null-sandbox: speaks Jobe's API and answers every run at once with the same result, so that a
// measurement shows the cost of what stands in front of it.
#include <cstdio>

#include "master/http/server.h"
#include "protocol/base/program.h"

namespace docket::bench {
namespace {

constexpr std::string_view kPrefix = "/jobe/index.php/restapi/";

struct Options {
  std::string listen = "127.0.0.1:0";
  int threads = 1;
  std::string log_level = "warn";
};

void declare(CLI::App& app, Options& options) {
  add_common_options(app, options.log_level);
  app.add_option("--listen", options.listen, "HOST:PORT of the API; port 0: any")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that answer")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response handle(const http::Request& request) {
  std::string_view path = request.path;
  if (!path.starts_with(kPrefix)) return answer(404, "");
  path.remove_prefix(kPrefix.size());
  if (path == "runs" && request.method == "POST") {
    return answer(200, R"({"run_id":null,"outcome":15,"cmpinfo":"","stdout":"ok\n","stderr":""})");
  }
  if (path == "languages" && request.method == "GET") {
    return answer(200, R"([["c","1"],["python3","1"]])");
  }
  const bool file = path.starts_with("files/");
  if (file && (request.method == "PUT" || request.method == "HEAD")) return answer(204, "");
  return answer(404, "");
}

int run(const Options& options, const StopSignals& signals) {
  const Logger log = start_value("log-level", make_logger("null-sandbox", options.log_level));
  http::Options server_options;
  server_options.listen = start_value("listen", parse_address("listen", options.listen));
  server_options.threads = options.threads;
  const auto server = start_value(
      "listen", http::Server::start(
                    server_options, [](http::Request&& request) { return handle(request); }, log));
  std::printf("ready listen=%s\n", server->address().text().c_str());
  std::fflush(stdout);
  const WakeFd never;
  signals.wait(never);
  return 0;
}

}  // namespace
}  // namespace docket::bench

int main(int argc, char** argv) {
  const docket::StopSignals signals;
  CLI::App app("Speaks Jobe's API and answers every run at once with the same result",
               "null-sandbox");
  docket::bench::Options options;
  docket::bench::declare(app, options);
  return docket::run_program(app, argc, argv, [&] { return docket::bench::run(options, signals); });
}
