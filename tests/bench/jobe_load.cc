// jobe-load: runs the same small program over and over through a Jobe API, checks every answer, and
// prints what came back how fast, as one line of JSON.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "protocol/base/program.h"
#include "tests/bench/load.h"

namespace docket::bench {
namespace {

struct Options {
  std::string url;
  int connections = 1;
  int seconds = 3;
  std::size_t source_bytes = 840;  // makes a request body of 1 KB
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--url", options.url, "http://HOST:PORT of the Jobe API")->required();
  app.add_option("--connections", options.connections, "Keep-alive connections, one run each")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long to send")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  app.add_option("--source-bytes", options.source_bytes, "Size of the program")
      ->check(CLI::Range(std::size_t{16}, std::size_t{1} << 20))
      ->capture_default_str();
}

// A Python program that prints ok, filled up with comments.
std::string source_of(std::size_t bytes) {
  std::string source = "print('ok')\n";
  while (source.size() < bytes) {
    source += source.size() % 60 == 0 ? '\n' : '#';
  }
  return source;
}

std::string request_of(const Address& target, std::size_t source_bytes) {
  const nlohmann::ordered_json body = {{"run_spec",
                                        {{"language_id", "python3"},
                                         {"sourcecode", source_of(source_bytes)},
                                         {"sourcefilename", "prog.py"},
                                         {"input", ""},
                                         {"file_list", nlohmann::ordered_json::array()},
                                         {"parameters", {{"cputime", 5}}}}}};
  const std::string text = body.dump();
  return "POST /jobe/index.php/restapi/runs HTTP/1.1\r\nHost: " + target.text() +
         "\r\nContent-Type: application/json; charset=utf-8\r\nAccept: application/json\r\n"
         "Content-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

int run(const Options& options) {
  LoadOptions load;
  load.target = start_value("url", parse_url_address("url", "http", options.url));
  load.connections = options.connections;
  load.seconds = options.seconds;
  load.request = request_of(load.target, options.source_bytes);
  LoadReport report = start_value("url", run_load(load));
  Latencies& latencies = report.latencies;
  const nlohmann::ordered_json shown = {
      {"requests", report.requests},
      {"errors", report.errors},
      {"seconds", report.seconds},
      {"per_second", static_cast<double>(latencies.count()) / report.seconds},
      {"p50_us", latencies.percentile(50)},
      {"p99_us", latencies.percentile(99)},
      {"max_us", latencies.percentile(100)}};
  std::printf("%s\n", shown.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace docket::bench

int main(int argc, char** argv) {
  CLI::App app("Runs the same small program over and over through a Jobe API", "jobe-load");
  docket::bench::Options options;
  docket::bench::declare(app, options);
  return docket::run_program(app, argc, argv, [&] { return docket::bench::run(options); });
}
