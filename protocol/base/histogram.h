// Histograms as Prometheus has them: values counted by upper bounds, and their sum. `Bounds` is a
// type with `static constexpr std::array kUpTo`, rising, in base units.
//
// Histogram is a plain value. SharedHistogram may be added to and read by any threads; a reader may
// see a value counted and not yet in the sum.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace docket {

// Which count a value belongs to: the first bound that it does not exceed, or one behind the last.
inline std::size_t bucket_of(std::span<const double> up_to, double value) {
  return static_cast<std::size_t>(std::lower_bound(up_to.begin(), up_to.end(), value) -
                                  up_to.begin());
}

template <class Bounds>
struct Histogram {
  std::array<std::uint64_t, Bounds::kUpTo.size() + 1> counts{};  // the last: above every bound
  double sum = 0;

  void add(double value) {
    ++counts[bucket_of(Bounds::kUpTo, value)];
    sum += value;
  }
  std::uint64_t total() const {
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts) all += count;
    return all;
  }
};

template <class Bounds>
class SharedHistogram {
 public:
  void add(double value) {
    counts_[bucket_of(Bounds::kUpTo, value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  Histogram<Bounds> read() const {
    Histogram<Bounds> seen;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen.counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    seen.sum = sum_.load(std::memory_order_relaxed);
    return seen;
  }

 private:
  std::array<std::atomic<std::uint64_t>, Bounds::kUpTo.size() + 1> counts_{};
  std::atomic<double> sum_ = 0;
};

}  // namespace docket
