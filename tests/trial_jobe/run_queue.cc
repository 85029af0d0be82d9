#include "tests/trial_jobe/run_queue.h"

#include <algorithm>
#include <utility>

namespace docket::trial_jobe {
namespace {

// What waits is held in memory: enough for any burst a test makes, far below any machine's memory.
constexpr std::size_t kMaxWaiting = 20'000;
constexpr std::size_t kMaxWaitingBytes = 256u << 20;

Answer draining_answer() {
  return error_answer(503, "The server is shutting down");
}

}  // namespace

RunQueue::RunQueue(int slots, std::chrono::milliseconds slot_wait, Work work, Respond respond)
    : slot_wait_(slot_wait), work_(std::move(work)), respond_(std::move(respond)) {
  stats_.slots = slots;
  for (int slot = 0; slot < slots; ++slot) {
    threads_.emplace_back([this, slot] { serve_slot(slot); });
  }
  threads_.emplace_back([this] { refuse_overdue(); });
}

void RunQueue::stop() {
  drain(std::chrono::milliseconds(0));
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool RunQueue::is_full(std::size_t more_bytes) const {
  if (waiting_.size() >= kMaxWaiting) return true;
  return !waiting_.empty() && waiting_bytes_ + more_bytes > kMaxWaitingBytes;
}

void RunQueue::submit(std::uint64_t request, RunSpec spec) {
  {
    std::unique_lock lock(mutex_);
    if (draining_) {
      lock.unlock();
      respond_(request, draining_answer());
      return;
    }
    const bool slot_is_free =
        waiting_.size() < static_cast<std::size_t>(stats_.slots - stats_.running);
    const std::size_t bytes = spec.bytes();
    if (!slot_is_free && (slot_wait_.count() == 0 || is_full(bytes))) {
      ++stats_.overloads;
      lock.unlock();
      respond_(request, overload_answer());
      return;
    }
    // A free slot takes it for certain, however late its thread wakes.
    const auto deadline = slot_is_free ? Clock::time_point::max() : Clock::now() + slot_wait_;
    waiting_.push_back({request, std::move(spec), deadline});
    waiting_bytes_ += bytes;
  }
  work_changed_.notify_one();
  queue_changed_.notify_one();
}

RunStats RunQueue::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void RunQueue::serve_slot(int slot) {
  std::unique_lock lock(mutex_);
  while (true) {
    work_changed_.wait(lock, [&] { return draining_ || !waiting_.empty(); });
    if (draining_) return;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= next.spec.bytes();
    stats_.max_running = std::max(stats_.max_running, ++stats_.running);
    lock.unlock();
    Answer answer = work_(next.spec, slot);
    lock.lock();
    --stats_.running;
    if (answer.status == 200) ++stats_.runs;
    runs_changed_.notify_all();
    lock.unlock();
    respond_(next.request, std::move(answer));
    lock.lock();
  }
}

void RunQueue::refuse_overdue() {
  std::unique_lock lock(mutex_);
  while (!draining_) {
    const auto overdue = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& one) {
      return one.deadline <= Clock::now();
    });
    if (overdue != waiting_.end()) {
      const std::uint64_t request = overdue->request;
      waiting_bytes_ -= overdue->spec.bytes();
      waiting_.erase(overdue);
      ++stats_.overloads;
      lock.unlock();
      respond_(request, overload_answer());
      lock.lock();
      continue;
    }
    auto earliest = Clock::time_point::max();
    for (const auto& one : waiting_) earliest = std::min(earliest, one.deadline);
    if (earliest == Clock::time_point::max()) {
      queue_changed_.wait(lock);
    } else {
      queue_changed_.wait_until(lock, earliest);
    }
  }
}

std::deque<RunQueue::Waiting> RunQueue::take_waiting() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  waiting_bytes_ = 0;
  return std::exchange(waiting_, {});
}

bool RunQueue::drain(std::chrono::milliseconds bound) {
  for (const auto& one : take_waiting()) respond_(one.request, draining_answer());
  work_changed_.notify_all();
  queue_changed_.notify_all();
  std::unique_lock lock(mutex_);
  return runs_changed_.wait_for(lock, bound, [&] { return stats_.running == 0; });
}

}  // namespace docket::trial_jobe
