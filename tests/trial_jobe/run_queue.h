// K worker threads, one per slot, and the requests that wait for them, first come first served. A
// request that waits longer than slot_wait is answered with outcome 21. Everything public may be
// called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/trial_jobe/answer.h"
#include "tests/trial_jobe/run_spec.h"

namespace docket::trial_jobe {

struct RunStats {
  int slots = 0;
  int running = 0;
  int max_running = 0;
  std::uint64_t runs = 0;       // carried out to their end
  std::uint64_t overloads = 0;  // answered with outcome 21
};

class RunQueue {
 public:
  using Work = std::function<Answer(const RunSpec&, int slot)>;        // on a worker
  using Respond = std::function<void(std::uint64_t request, Answer)>;  // once a request

  RunQueue(int slots, std::chrono::milliseconds slot_wait, Work work, Respond respond);
  ~RunQueue() { stop(); }
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  void submit(std::uint64_t request, RunSpec spec);
  RunStats stats() const;

  // From now on refuses what waits and what comes. True when nothing runs any more within `bound`.
  bool drain(std::chrono::milliseconds bound);

  // Drains, however long what runs takes, and ends the threads: from then on the queue answers from
  // submit() only. By the constructing thread.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::uint64_t request;
    RunSpec spec;
    Clock::time_point deadline;
  };

  void serve_slot(int slot);
  void refuse_overdue();
  bool is_full(std::size_t more_bytes) const;
  std::deque<Waiting> take_waiting();

  const std::chrono::milliseconds slot_wait_;
  const Work work_;
  const Respond respond_;

  mutable std::mutex mutex_;               // guards all below but the threads
  std::condition_variable work_changed_;   // waiting_ or draining_
  std::condition_variable runs_changed_;   // stats_.running
  std::condition_variable queue_changed_;  // for the thread that refuses
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  RunStats stats_;
  bool draining_ = false;
  std::vector<std::thread> threads_;  // owned by constructor and destructor
};

}  // namespace docket::trial_jobe
