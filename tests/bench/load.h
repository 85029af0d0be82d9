// Load: keeps one request in flight on each of N keep-alive connections, checks every answer, and
// records how long it took. One thread, plain sockets and epoll, so that the client costs less than
// what it measures.
//
// A closed loop: a connection sends its next request when the last one is answered.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/base/address.h"
#include "protocol/base/result.h"
#include "tests/bench/latencies.h"

namespace docket::bench {

struct LoadOptions {
  Address target;
  int connections = 1;
  int seconds = 1;
  std::string request;  // head and body, the same each time
  int outcome = 15;     // of every answer
};

struct LoadReport {
  std::uint64_t requests = 0;  // answered, rightly or wrongly, or lost
  std::uint64_t errors = 0;    // of these, wrong or lost
  double seconds = 0;          // from the first request to the last answer
  Latencies latencies;         // of the right answers
};

// Opens the connections, then sends for `seconds` and waits for what is still in flight; what does
// not come within 10 s is lost. A connection that breaks is opened anew; after 1,000 errors it
// ends. unavailable when the connections cannot be opened.
Result<LoadReport> run_load(const LoadOptions& options);

}  // namespace docket::bench
