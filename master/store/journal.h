// The journal: one thread that owns the writing connection and commits whatever has gathered since
// its last commit. post() from the loop's thread; progress is told on the journal's own thread.
//
// Within one commit only the last state of a job is written. If a commit fails the same saves are
// tried again every second, nothing behind them is told as committed, and the problem is told once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "master/core/events.h"
#include "protocol/base/log.h"
#include "protocol/base/result.h"

namespace docket::store {

using Save = std::variant<SaveJob, DeleteJob, SaveAgent, SaveKey, DeleteKey>;

// Moves the effect to the end of `saves` if it is one.
void take_save(Effect& effect, std::vector<Save>& saves);

struct JournalOptions {
  std::string data_dir;
  std::int64_t retention_ms = std::int64_t{30} * 24 * 3600 * 1000;  // of finished jobs
};

struct JournalProgress {
  std::uint64_t committed = 0;  // every batch up to this number is on disk
  std::string problem;          // why it stands still; empty when it does not
};

class Journal {
 public:
  using Listener = std::function<void(const JournalProgress&)>;

  // Opens (and migrates) the database, reads what is unfinished, then starts the thread.
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options, Listener listener,
                                               Logger log);
  virtual ~Journal() = default;  // commits what was posted, then joins

  // What the database held when it was opened. Call once.
  virtual Restored take_restored() = 0;
  // Numbers must rise.
  virtual void post(std::uint64_t number, std::vector<Save> saves) = 0;
};

}  // namespace docket::store
