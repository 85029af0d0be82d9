// Mailbox<T>: the one way by which threads hand things to one another. Any thread posts; one
// thread takes. fd() becomes readable when something waits, so that the reader can sleep in poll().
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "protocol/base/wake_fd.h"

namespace docket {

template <class T>
class Mailbox {
 public:
  // Wakes the reader once per batch: only the post that finds the box empty writes to the eventfd.
  void post(T item) {
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty) wake_.raise();
  }

  // Everything posted so far, oldest first. Only the reading thread calls it.
  std::vector<T> take() {
    wake_.clear();
    std::vector<T> taken;
    std::lock_guard lock(mutex_);
    taken.swap(items_);
    return taken;
  }

  // Sleeps until something waits or timeout_ms have passed. Only the reading thread calls it.
  void wait(int timeout_ms) { wake_.wait(timeout_ms); }

  int fd() const { return wake_.fd(); }

 private:
  WakeFd wake_;
  std::mutex mutex_;
  std::vector<T> items_;  // guarded by mutex_
};

}  // namespace docket
