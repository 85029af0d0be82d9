// Exact percentiles of recorded latencies: every one is kept, 4 bytes each. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace docket::bench {

class Latencies {
 public:
  void add(std::uint32_t us) { us_.push_back(us); }
  std::size_t count() const { return us_.size(); }

  // The smallest latency that at least `percent` (1..100) of all do not exceed, in µs; 0 without
  // any.
  std::uint32_t percentile(unsigned percent);

 private:
  std::vector<std::uint32_t> us_;
};

}  // namespace docket::bench
