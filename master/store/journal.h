// The journal: one thread that owns the writing connection and commits whatever has gathered since
// its last commit. post() from the loop's thread; progress is told on the journal's own thread.
//
// Within one commit only the last state of a job is written. If a commit fails the same saves are
// tried again every second, nothing behind them is told as committed, and the problem is told when
// it begins and when it becomes another.
// Damage of the database is a problem that stays until a person has looked at it.
//
// Between commits it copies the write-ahead log into the database (checkpoints), which then begins
// anew: its file stays below 64 MB unless a reader holds on to a state, as a backup does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "master/core/events.h"
#include "master/core/store_figures.h"
#include "protocol/base/log.h"
#include "protocol/base/result.h"

namespace docket::store {

using Save =
    std::variant<SaveJob, DeleteJob, SaveAgent, SaveKey, DeleteKey, SaveAgentKey, DeleteAgent,
                 SaveJoinToken, DeleteJoinToken, SaveAccess, DeleteAccess, SaveAudit, SavePurge>;

// Moves the effect to the end of `saves` if it is one.
void take_save(Effect& effect, std::vector<Save>& saves);

struct RetentionLimits {
  std::int64_t age_ms = std::int64_t{365} * 24 * 3'600 * 1'000;  // of finished jobs
  // Of what they submitted and printed; the facts stay for age_ms.
  std::int64_t bodies_ms = std::int64_t{30} * 24 * 3'600 * 1'000;
  std::int64_t audit_ms = std::int64_t{365} * 24 * 3'600 * 1'000;
  // A million jobs of usual size; as much again as support files may have.
  std::uint64_t database_bytes = std::uint64_t{4} << 30;
  std::int64_t names_ms = std::int64_t{24} * 3'600 * 1'000;  // how long idempotency keys hold
};

struct JournalOptions {
  std::string data_dir;
  RetentionLimits retention;
};

struct JournalProgress {
  std::uint64_t committed = 0;  // every batch up to this number is on disk
  std::string problem;          // why it stands still; empty when it does not
};

class Journal {
 public:
  using Listener = std::function<void(const JournalProgress&)>;

  // Opens (and migrates) the database and reads what is unfinished. What is not sound is refused in
  // one line that says what helps, and left alone (inspect.h).
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options, Logger log);
  virtual ~Journal() = default;  // commits what was posted if it was started, then joins

  // Starts the thread. `listener` must be able to hear: a problem may be told at once, and only
  // once. Call once.
  virtual void start(Listener listener) = 0;

  // What the database held when it was opened. Call once.
  virtual Restored take_restored() = 0;
  // Numbers must rise.
  virtual void post(std::uint64_t number, std::vector<Save> saves) = 0;
  // A reader found what was never written so. Any thread.
  virtual void report_damage(std::string problem) = 0;
  // Counted since the start. Any thread.
  virtual JournalFigures figures() const = 0;
};

}  // namespace docket::store
