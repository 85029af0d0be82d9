// Published<T>: the latest value of something one thread makes and others read. Any thread.
// Readers get a shared, unchanging copy and never hold the lock while they use it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace docket {

template <class T>
class Published {
 public:
  explicit Published(T first) : value_(std::make_shared<const T>(std::move(first))) {}

  void set(T value) {
    auto fresh = std::make_shared<const T>(std::move(value));
    std::lock_guard lock(mutex_);
    value_.swap(fresh);  // the old value is freed after the lock is gone, if nobody reads it
  }

  std::shared_ptr<const T> get() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_
};

}  // namespace docket
