#include "tests/bench/latencies.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace docket::bench {

std::uint32_t Latencies::percentile(unsigned percent) {
  CHECK_THAT(percent >= 1 && percent <= 100);
  if (us_.empty()) return 0;
  const std::size_t rank = (us_.size() * percent + 99) / 100;
  const auto at = us_.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(us_.begin(), at, us_.end());
  return *at;
}

}  // namespace docket::bench
