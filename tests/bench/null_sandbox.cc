// null-sandbox: speaks Jobe's API and answers every run with the same result: at once, so that a
// measurement shows the cost of what stands in front of it, or as a host of a known rate, with
// slots, a fixed time for each run, and Jobe's outcome 21 when none gets free in time.
#include <chrono>
#include <cstdio>
#include <future>
#include <optional>
#include <thread>

#include "master/http/server.h"
#include "protocol/base/program.h"
#include "tests/trial_jobe/run_queue.h"

namespace docket::bench {
namespace {

using trial_jobe::RunQueue;

constexpr std::string_view kPrefix = "/jobe/index.php/restapi/";
constexpr std::string_view kResult =
    R"({"run_id":null,"outcome":15,"cmpinfo":"","stdout":"ok\n","stderr":""})";

struct Options {
  std::string listen = "127.0.0.1:0";
  int threads = 1;
  int run_ms = 0;
  int slots = 8;         // as many users as Jobe has
  int slot_wait_s = 10;  // as long as Jobe looks for a free one
  std::string log_level = "warn";
};

void declare(CLI::App& app, Options& options) {
  add_common_options(app, options.log_level);
  app.add_option("--listen", options.listen, "HOST:PORT of the API; port 0: any")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that answer")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--run-ms", options.run_ms, "Milliseconds that a run takes; 0: answers at once")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_option("--slots", options.slots, "Runs at a time, with --run-ms")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  app.add_option("--slot-wait", options.slot_wait_s,
                 "Seconds a run waits for a slot before it is answered with outcome 21")
      ->check(CLI::Range(0, 3'600))
      ->capture_default_str();
}

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Without a queue runs are answered at once.
std::optional<http::Response> handle(const http::Request& request, RunQueue* queue) {
  std::string_view path = request.path;
  if (!path.starts_with(kPrefix)) return answer(404, "");
  path.remove_prefix(kPrefix.size());
  if (path == "runs" && request.method == "POST") {
    if (queue == nullptr) return answer(200, std::string(kResult));
    queue->submit(request.id, {});
    return std::nullopt;
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
  // A run may end before start() has returned; its thread waits for the server.
  std::promise<http::Server*> started;
  const std::shared_future<http::Server*> running = started.get_future().share();
  std::unique_ptr<http::Server> server;
  std::optional<RunQueue> queue;
  if (options.run_ms > 0) {
    queue.emplace(
        options.slots, std::chrono::seconds(options.slot_wait_s),
        [&](const trial_jobe::RunSpec&, int) {
          std::this_thread::sleep_for(std::chrono::milliseconds(options.run_ms));
          return trial_jobe::Answer{200, std::string(kResult)};
        },
        [&](std::uint64_t request, trial_jobe::Answer result) {
          running.get()->respond(request, answer(result.status, std::move(result.body)));
        });
  }
  server = start_value("listen", http::Server::start(
                                     server_options,
                                     [runs = queue ? &*queue : nullptr](http::Request&& request) {
                                       return handle(request, runs);
                                     },
                                     log));
  started.set_value(server.get());
  std::printf("ready listen=%s\n", server->address().text().c_str());
  std::fflush(stdout);
  const WakeFd never;
  signals.wait(never);
  if (queue) queue->stop();  // what runs is answered through the server
  server.reset();            // before the queue, which its handler uses
  return 0;
}

}  // namespace
}  // namespace docket::bench

int main(int argc, char** argv) {
  const docket::StopSignals signals;
  CLI::App app("Speaks Jobe's API and answers every run with the same result", "null-sandbox");
  docket::bench::Options options;
  docket::bench::declare(app, options);
  return docket::run_program(app, argc, argv, [&] { return docket::bench::run(options, signals); });
}
