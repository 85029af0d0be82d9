// ByteBudget: how many bytes of unfinished requests a server's connections may hold together.
// ByteShare: what one connection holds of it; returned when it ends.
//
// A budget may be used from any thread; a share belongs to its connection's reactor.
// Invariants: used() is the sum of all shares; it is never above max_bytes and half as much again.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

namespace docket::http {

class ByteBudget {
 public:
  // Below this a request counts as small. Runs are: the half beyond max_bytes is for them alone, so
  // that they go on while uploads fill the budget.
  static constexpr std::size_t kSmallBytes = 64u << 10;

  explicit ByteBudget(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class ByteShare;

  bool change(std::size_t from, std::size_t to) {
    if (to <= from) {
      used_.fetch_sub(from - to, std::memory_order_relaxed);
      return true;
    }
    const std::size_t limit = to < kSmallBytes ? max_bytes_ + max_bytes_ / 2 : max_bytes_;
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used + (to - from) > limit) return false;
    } while (!used_.compare_exchange_weak(used, used + (to - from), std::memory_order_relaxed));
    return true;
  }

  const std::size_t max_bytes_;
  std::atomic<std::size_t> used_ = 0;
};

class ByteShare {
 public:
  // `budget` outlives the share.
  explicit ByteShare(ByteBudget& budget) : budget_(&budget) {}
  ~ByteShare() { static_cast<void>(resize(0)); }
  ByteShare(ByteShare&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  ByteShare& operator=(ByteShare&&) = delete;

  // False, and unchanged, when the budget has not so much left. Less is always granted.
  [[nodiscard]] bool resize(std::size_t bytes) {
    if (bytes == bytes_) return true;
    if (!budget_->change(bytes_, bytes)) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  ByteBudget* budget_;
  std::size_t bytes_ = 0;
};

// Assigning an empty text would empty the buffer and keep its memory.
inline void free_buffer(std::string& buffer) {
  std::string().swap(buffer);
}

}  // namespace docket::http
