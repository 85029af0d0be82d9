// What the system says of this process, under the names that every Prometheus client uses. Any
// thread.
#pragma once

#include <cstdint>

namespace docket::http {

struct ProcessFigures {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
};

ProcessFigures process_figures();

}  // namespace docket::http
