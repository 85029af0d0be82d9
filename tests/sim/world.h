// What everything in one run shares: the virtual clock with all that is still to happen, the dice
// and the trace. One thread; the same seed gives the same run, to the byte.
#pragma once

#include <cstdint>
#include <functional>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/clock.h"

namespace docket::sim {

// A promise was broken; ends the run.
struct Broken : std::runtime_error {
  Broken(const std::string& promise, const std::string& how)
      : std::runtime_error(promise + ": " + how) {}
};

inline void require(bool kept, const char* promise, const std::string& how) {
  if (!kept) throw Broken(promise, how);
}

// Not std's distributions: they may differ between libraries.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  MonoMs between(MonoMs low, MonoMs high) {
    return low + static_cast<MonoMs>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

class World {
 public:
  World(std::uint64_t seed, bool tracing) : dice(seed), tracing_(tracing) {}

  MonoMs now() const { return now_; }
  void at(MonoMs when, std::function<void()> what);
  void after(MonoMs ms, std::function<void()> what) { at(now_ + ms, std::move(what)); }
  // Does what comes next; false when nothing is left to do.
  bool step();
  std::uint64_t steps() const { return done_; }

  template <class... Parts>
  void trace(const Parts&... parts) const {
    if (!tracing_) return;
    std::cout << now_ << " ms  ";
    (std::cout << ... << parts) << '\n';
  }

  Dice dice;

 private:
  struct Due {
    MonoMs when;
    std::uint64_t order;  // things due at one time happen in the order in which they were planned
    std::function<void()> what;
    bool operator<(const Due& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  const bool tracing_;
  MonoMs now_ = 0;
  std::uint64_t planned_ = 0;
  std::uint64_t done_ = 0;
  std::vector<Due> due_;  // a heap
};

}  // namespace docket::sim
