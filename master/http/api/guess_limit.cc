#include "master/http/api/guess_limit.h"

#include <algorithm>
#include <cmath>

namespace docket::http {

double GuessLimit::left_of(const Bucket& bucket, MonoMs now) {
  const double back = static_cast<double>(now - bucket.at) / static_cast<double>(kBackAfterMs);
  return std::min(kAtOnce, bucket.left + back);
}

std::uint32_t GuessLimit::wait_s(const std::string& address, MonoMs now) const {
  const auto found = buckets_.find(address);
  if (found == buckets_.end()) return 0;
  const double left = left_of(found->second, now);
  if (left >= 1) return 0;
  const double wait_ms = (1 - left) * static_cast<double>(kBackAfterMs);
  return static_cast<std::uint32_t>(std::ceil(wait_ms / 1'000));
}

void GuessLimit::was_wrong(const std::string& address, MonoMs now) {
  if (buckets_.size() >= kMostAddresses && !buckets_.contains(address)) make_room(now);
  Bucket& bucket = buckets_.try_emplace(address, Bucket{kAtOnce, now}).first->second;
  bucket = {std::max(0.0, left_of(bucket, now) - 1), now};
}

void GuessLimit::make_room(MonoMs now) {
  std::erase_if(buckets_, [&](const auto& entry) { return left_of(entry.second, now) >= kAtOnce; });
  if (buckets_.size() < kMostAddresses) return;
  const auto oldest =
      std::ranges::min_element(buckets_, {}, [](const auto& entry) { return entry.second.at; });
  buckets_.erase(oldest);
}

}  // namespace docket::http
