#include "master/store/journal.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <unordered_map>

#include "master/store/rows.h"
#include "master/store/schema.h"
#include "protocol/base/clock.h"
#include "protocol/base/mailbox.h"

namespace docket::store {
namespace {

constexpr int kRetryMs = 1'000;
constexpr int kRetentionEveryMs = 60'000;
// Deleting in pieces of this size holds up commits for 22 ms at the most.
constexpr const char* kDeleteOld =
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state > 2 AND finished_ms < ? "
    "ORDER BY finished_ms LIMIT 1000)";

struct Batch {
  std::uint64_t number = 0;
  std::vector<Save> saves;
};

// The last state of everything that a set of batches touches, in order of first appearance.
std::vector<const Save*> last_states(const std::vector<Batch>& batches) {
  std::vector<const Save*> saves;
  std::unordered_map<JobId, std::size_t> place;
  for (const Batch& batch : batches) {
    for (const Save& save : batch.saves) {
      const auto* job = std::get_if<SaveJob>(&save);
      if (job == nullptr) {
        saves.push_back(&save);
        continue;
      }
      const auto [known, fresh] = place.try_emplace(job->job.id, saves.size());
      if (fresh) {
        saves.push_back(&save);
      } else {
        saves[known->second] = &save;
      }
    }
  }
  return saves;
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(JournalOptions options, Connection connection, Statement save_job,
                Statement save_agent, Statement delete_old, Restored restored, Listener listener,
                Logger log)
      : options_(std::move(options)),
        connection_(std::move(connection)),
        save_job_(std::move(save_job)),
        save_agent_(std::move(save_agent)),
        delete_old_(std::move(delete_old)),
        restored_(std::move(restored)),
        listener_(std::move(listener)),
        log_(std::move(log)),
        thread_([this] { run(); }) {}

  ~SqliteJournal() override {
    stopping_ = true;
    stop_.raise();
    mailbox_.post({});  // wakes the thread; an empty batch commits nothing
    thread_.join();
  }

  Restored take_restored() override { return std::move(restored_); }

  void post(std::uint64_t number, std::vector<Save> saves) override {
    mailbox_.post({number, std::move(saves)});
  }

 private:
  void run() {
    MonoMs next_retention = read_clock().mono;
    for (;;) {
      const MonoMs until_retention = next_retention - read_clock().mono;
      mailbox_.wait(static_cast<int>(std::clamp<MonoMs>(until_retention, 0, kRetentionEveryMs)));
      const bool last = stopping_;
      const std::vector<Batch> batches = mailbox_.take();
      if (!batches.empty() && !commit_until_done(batches)) return;
      if (last) return;
      const Now now = read_clock();
      if (now.mono >= next_retention) next_retention = now.mono + forget_old(now);
    }
  }

  // False when the journal is being stopped before the commit could be made.
  bool commit_until_done(const std::vector<Batch>& batches) {
    bool told = false;
    for (;;) {
      const Status done = commit(batches);
      if (done) break;
      if (!told) {
        log_->error("journal=failing reason=\"{}\" retry_ms={}", done.error().message, kRetryMs);
        listener_({committed_, done.error().message});
        told = true;
      }
      if (stop_.wait(kRetryMs) || stopping_) return false;
    }
    if (told) log_->info("journal=well");
    for (const Batch& batch : batches) committed_ = std::max(committed_, batch.number);
    listener_({committed_, {}});
    return true;
  }

  Status commit(const std::vector<Batch>& batches) {
    const auto saves = last_states(batches);
    if (saves.empty()) return ok_status();
    if (auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) return begun;
    for (const Save* save : saves) {
      const Status saved = std::holds_alternative<SaveJob>(*save)
                               ? store::save(save_job_, std::get<SaveJob>(*save).job)
                               : store::save(save_agent_, std::get<SaveAgent>(*save).agent);
      if (!saved) return roll_back(saved);
    }
    if (auto done = connection_.execute("COMMIT"); !done) return roll_back(done);
    return ok_status();
  }

  Status roll_back(Status failed) {
    [[maybe_unused]] const auto undone = connection_.execute("ROLLBACK");
    return failed;
  }

  // How long until it should be called again, ms.
  int forget_old(Now now) {
    delete_old_.bind(1, now.wall - options_.retention_ms);
    if (auto done = delete_old_.run(); !done) {
      log_->warn("retention=failing reason=\"{}\"", done.error().message);
      return kRetentionEveryMs;
    }
    return connection_.changes() == 1'000 ? 0 : kRetentionEveryMs;
  }

  const JournalOptions options_;
  Connection connection_;
  Statement save_job_;
  Statement save_agent_;
  Statement delete_old_;
  Restored restored_;
  const Listener listener_;
  const Logger log_;
  std::uint64_t committed_ = 0;  // the journal's thread only
  std::atomic<bool> stopping_ = false;
  WakeFd stop_;
  Mailbox<Batch> mailbox_;
  std::thread thread_;
};

Result<Restored> read_restored(Connection& connection) {
  Restored restored;
  auto jobs = connection.prepare(std::string("SELECT ") + kWholeColumns +
                                 " FROM jobs WHERE state <= 2 ORDER BY id");
  if (!jobs) return jobs.error();
  for (;;) {
    auto row = jobs->step();
    if (!row) return row.error();
    if (!*row) break;
    auto job = read_job(*jobs, true);
    if (!job) return job.error();
    restored.jobs.push_back(std::move(*job));
  }
  auto agents =
      connection.prepare("SELECT name, slots, weight_percent, languages FROM agents ORDER BY name");
  if (!agents) return agents.error();
  for (;;) {
    auto row = agents->step();
    if (!row) return row.error();
    if (!*row) break;
    auto agent = read_agent(*agents);
    if (!agent) return agent.error();
    restored.agents.push_back(std::move(*agent));
  }
  return restored;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, Listener listener,
                                               Logger log) {
  auto connection = open_for_writing(options.data_dir);
  if (!connection) return connection.error();
  auto restored = read_restored(*connection);
  if (!restored) return restored.error();
  auto save_job = connection->prepare(kSaveJob);
  if (!save_job) return save_job.error();
  auto save_agent = connection->prepare(kSaveAgent);
  if (!save_agent) return save_agent.error();
  auto delete_old = connection->prepare(kDeleteOld);
  if (!delete_old) return delete_old.error();
  return std::unique_ptr<Journal>(std::make_unique<SqliteJournal>(
      options, std::move(*connection), std::move(*save_job), std::move(*save_agent),
      std::move(*delete_old), std::move(*restored), std::move(listener), std::move(log)));
}

}  // namespace docket::store
