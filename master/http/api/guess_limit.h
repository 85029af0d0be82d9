// How often an address may be wrong about a token: some times at once, and then rarely. Guarded by
// its owner. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "protocol/base/clock.h"

namespace docket::http {

class GuessLimit {
 public:
  // A person who mistypes, or a script that was not told of a new token, is wrong so often.
  static constexpr double kAtOnce = 10;
  static constexpr MonoMs kBackAfterMs = 10'000;
  // With more addresses than this those that were wrong longest ago are forgotten: a guesser with
  // so many gains nothing that he would not have without the bound.
  static constexpr std::size_t kMostAddresses = 10'000;

  // Seconds until the address may try again; 0: now.
  std::uint32_t wait_s(const std::string& address, MonoMs now) const;
  void was_wrong(const std::string& address, MonoMs now);

 private:
  struct Bucket {
    double left = kAtOnce;
    MonoMs at = 0;
  };
  static double left_of(const Bucket& bucket, MonoMs now);
  void make_room(MonoMs now);

  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace docket::http
