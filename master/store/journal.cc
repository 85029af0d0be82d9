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
      const auto* deleted = std::get_if<DeleteJob>(&save);
      if (job == nullptr && deleted == nullptr) {
        saves.push_back(&save);
        continue;
      }
      const JobId id = job != nullptr ? job->job.id : deleted->job;
      const auto [known, fresh] = place.try_emplace(id, saves.size());
      if (fresh) {
        saves.push_back(&save);
      } else {
        saves[known->second] = &save;
      }
    }
  }
  return saves;
}

struct Statements {
  Statement save_job;
  Statement delete_job;
  Statement save_agent;
  Statement save_key;
  Statement delete_key;
  Statement delete_old;
};

Result<Statements> prepare(Connection& connection) {
  Statements statements;
  const std::pair<Statement*, const char*> all[] = {
      {&statements.save_job, kSaveJob},
      {&statements.delete_job, "DELETE FROM jobs WHERE id = ?"},
      {&statements.save_agent, kSaveAgent},
      {&statements.save_key, kSaveKey},
      {&statements.delete_key, "DELETE FROM api_keys WHERE name = ?"},
      {&statements.delete_old, kDeleteOld},
  };
  for (const auto& [statement, sql] : all) {
    auto prepared = connection.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return statements;
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(JournalOptions options, Connection connection, Statements statements,
                Restored restored, Listener listener, Logger log)
      : options_(std::move(options)),
        connection_(std::move(connection)),
        statements_(std::move(statements)),
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
      const Status saved = std::visit([this](const auto& s) { return write(s); }, *save);
      if (!saved) return roll_back(saved);
    }
    if (auto done = connection_.execute("COMMIT"); !done) return roll_back(done);
    return ok_status();
  }

  Status write(const SaveJob& save) { return store::save(statements_.save_job, save.job); }
  Status write(const SaveAgent& save) { return store::save(statements_.save_agent, save.agent); }
  Status write(const SaveKey& save) { return store::save(statements_.save_key, save.key); }
  Status write(const DeleteJob& gone) { return remove(statements_.delete_job, gone.job.text()); }
  Status write(const DeleteKey& gone) { return remove(statements_.delete_key, gone.name); }
  static Status remove(Statement& statement, const std::string& id) {
    statement.bind(1, id);
    return statement.run();
  }

  Status roll_back(Status failed) {
    [[maybe_unused]] const auto undone = connection_.execute("ROLLBACK");
    return failed;
  }

  // How long until it should be called again, ms.
  int forget_old(Now now) {
    statements_.delete_old.bind(1, now.wall - options_.retention_ms);
    if (auto done = statements_.delete_old.run(); !done) {
      log_->warn("retention=failing reason=\"{}\"", done.error().message);
      return kRetentionEveryMs;
    }
    return connection_.changes() == 1'000 ? 0 : kRetentionEveryMs;
  }

  const JournalOptions options_;
  Connection connection_;
  Statements statements_;
  Restored restored_;
  const Listener listener_;
  const Logger log_;
  std::uint64_t committed_ = 0;  // the journal's thread only
  std::atomic<bool> stopping_ = false;
  WakeFd stop_;
  Mailbox<Batch> mailbox_;
  std::thread thread_;
};

// Reads every row of `sql` by `read`, which appends what it makes of one.
template <class Read>
Status for_each_row(Connection& connection, const std::string& sql, Read read) {
  auto rows = connection.prepare(sql);
  if (!rows) return rows.error();
  for (;;) {
    auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return ok_status();
    if (auto done = read(*rows); !done) return done;
  }
}

template <class T>
Status append(std::vector<T>& list, Result<T> item) {
  if (!item) return item.error();
  list.push_back(std::move(*item));
  return ok_status();
}

Result<Restored> read_restored(Connection& connection) {
  Restored restored;
  const auto select = [](const char* columns, const char* rest) {
    return std::string("SELECT ") + columns + " FROM " + rest;
  };
  Status done = for_each_row(
      connection, select(kWholeColumns, "jobs WHERE state <= 2 ORDER BY id"),
      [&](const Statement& row) { return append(restored.jobs, read_job(row, true)); });
  if (!done) return done.error();
  done =
      for_each_row(connection, select(kAgentColumns, "agents ORDER BY name"),
                   [&](const Statement& row) { return append(restored.agents, read_agent(row)); });
  if (!done) return done.error();
  done = for_each_row(connection, select(kKeyColumns, "api_keys ORDER BY name"),
                      [&](const Statement& row) { return append(restored.keys, read_key(row)); });
  if (!done) return done.error();
  done = for_each_row(connection, select(kNamedColumns, kNamedRows), [&](const Statement& row) {
    return append(restored.named, read_named(row));
  });
  if (!done) return done.error();
  return restored;
}

}  // namespace

void take_save(Effect& effect, std::vector<Save>& saves) {
  std::visit(
      [&]<class E>(E& e) {
        if constexpr (std::is_constructible_v<Save, E>) saves.emplace_back(std::move(e));
      },
      effect);
}

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, Listener listener,
                                               Logger log) {
  auto connection = open_for_writing(options.data_dir);
  if (!connection) return connection.error();
  auto restored = read_restored(*connection);
  if (!restored) return restored.error();
  auto statements = prepare(*connection);
  if (!statements) return statements.error();
  return std::unique_ptr<Journal>(
      std::make_unique<SqliteJournal>(options, std::move(*connection), std::move(*statements),
                                      std::move(*restored), std::move(listener), std::move(log)));
}

}  // namespace docket::store
