#include "master/store/journal.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_map>
#include <utility>

#include "master/store/audit_log.h"
#include "master/store/inspect.h"
#include "master/store/journal_counts.h"
#include "master/store/mark.h"
#include "master/store/restore.h"
#include "master/store/retention.h"
#include "master/store/rows.h"
#include "master/store/schema.h"
#include "protocol/base/clock.h"
#include "protocol/base/mailbox.h"

namespace docket::store {
namespace {

constexpr int kRetryMs = 1'000;
constexpr int kRetentionEveryMs = 10'000;
// When nothing could go for size: to find that out, every finished job is looked at.
constexpr int kFutileRetentionMs = 60'000;
// Copying fewer pages at a time holds up commits for less, and writes the same page more often.
constexpr int kCheckpointPages = 1'000;
// 64 MB, ten seconds of a full exam: then it is worth waiting for readers, so that it begins anew.
constexpr int kLargeWalPages = 16'000;
constexpr int kCheckpointAgainMs = 1'000;  // while readers are in the way, or it fails

struct Batch {
  std::uint64_t number = 0;
  std::vector<Save> saves;
  std::string damage;  // met by a reader
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
  Statement save_agent_key;
  Statement delete_agent;
  Statement delete_agent_key;
  Statement save_join_token;
  Statement delete_join_token;
  Statement save_access;
  Statement delete_access;
  Statement save_purge;
  Statement set_mark;
};

Result<Statements> prepare_all(Connection& connection) {
  Statements statements;
  const Status done = connection.prepare({
      {&statements.save_job, kSaveJob},
      {&statements.delete_job, kDeleteJob},
      {&statements.save_agent, kSaveAgent},
      {&statements.save_key, kSaveKey},
      {&statements.delete_key, "DELETE FROM api_keys WHERE name = ?"},
      {&statements.save_agent_key, kSaveAgentKey},
      {&statements.delete_agent, "DELETE FROM agents WHERE name = ?"},
      {&statements.delete_agent_key, "DELETE FROM agent_keys WHERE name = ?"},
      {&statements.save_join_token, kSaveJoinToken},
      {&statements.delete_join_token, "DELETE FROM join_tokens WHERE id = ?"},
      {&statements.save_access, kSaveAccess},
      {&statements.delete_access, "DELETE FROM access_tokens WHERE name = ?"},
      {&statements.save_purge, "UPDATE store SET purge_before_ms = max(purge_before_ms, ?)"},
      {&statements.set_mark, "UPDATE store SET mark = ?"},
  });
  if (!done) return done.error();
  return statements;
}

struct Opened {
  std::unique_ptr<Connection> connection;
  Statements statements;
  Retention retention;
  AuditLog audit;
  Restored restored;
  std::uint64_t mark = 0;
};

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(const JournalOptions& options, Opened opened, Logger log);
  ~SqliteJournal() override;

  void start(Listener listener) override {
    listener_ = std::move(listener);
    thread_ = std::thread([this] { run(); });
  }
  Restored take_restored() override { return std::move(restored_); }

  void post(std::uint64_t number, std::vector<Save> saves) override {
    mailbox_.post({number, std::move(saves), {}});
  }
  void report_damage(std::string problem) override { mailbox_.post({0, {}, std::move(problem)}); }
  JournalFigures figures() const override { return counts_.read(); }

 private:
  void run();
  // False when the journal is being stopped before the commit could be made.
  bool commit_until_done(const std::vector<Batch>& batches);
  Status commit(const std::vector<Batch>& batches);
  Status write_all(const std::vector<Batch>& batches);
  Status write(const SaveJob& save) { return store::save(statements_.save_job, save.job); }
  Status write(const SaveAgent& save) { return store::save(statements_.save_agent, save.agent); }
  Status write(const SaveKey& save) { return store::save(statements_.save_key, save.key); }
  Status write(const DeleteJob& gone) { return remove(statements_.delete_job, gone.job.text()); }
  Status write(const DeleteKey& gone) { return remove(statements_.delete_key, gone.name); }
  Status write(const SaveAgentKey& save) {
    return store::save(statements_.save_agent_key, save.key);
  }
  Status write(const SaveJoinToken& save) {
    return store::save(statements_.save_join_token, save.token);
  }
  Status write(const DeleteJoinToken& gone) {
    return remove(statements_.delete_join_token, gone.id);
  }
  Status write(const DeleteAgent& gone) {
    Status done = remove(statements_.delete_agent, gone.name);
    return done ? remove(statements_.delete_agent_key, gone.name) : done;
  }
  Status write(const SaveAccess& save) { return store::save(statements_.save_access, save.token); }
  Status write(const DeleteAccess& gone) { return remove(statements_.delete_access, gone.name); }
  Status write(const SaveAudit& save) { return audit_.append(save.entry); }
  Status write(const SavePurge& order);
  static Status remove(Statement& statement, const std::string& id) {
    statement.bind(1, id);
    return statement.run();
  }

  // What is due beside commits; false when the journal is being stopped.
  bool do_chores();
  bool checkpoint(MonoMs now);
  void forget(Now now);
  bool checkpoint_due() const;
  MonoMs next_chore() const;

  void note_damage(const std::string& problem);
  void tell(const std::string& failing);

  const std::int64_t audit_ms_;
  std::unique_ptr<Connection> connection_;
  Statements statements_;
  Retention retention_;
  AuditLog audit_;
  Restored restored_;
  Listener listener_;  // set before the thread is there
  const Logger log_;
  std::atomic<bool> stopping_ = false;
  WakeFd stop_;
  Mailbox<Batch> mailbox_;
  JournalCounts counts_;

  // The journal's thread only:
  std::uint64_t committed_ = 0;
  std::string damage_;              // for good, until a person has looked at it
  std::string checkpoint_problem_;  // empty: none
  std::string retention_problem_;   // likewise
  int wal_pages_ = 0;               // after the last commit
  int copied_pages_ = 0;            // of them, into the database
  MonoMs next_checkpoint_ = 0;
  MonoMs next_retention_ = 0;
  std::uint64_t forgotten_ = 0;  // jobs, in this round of retention
  std::uint64_t purged_ = 0;     // likewise
  bool mark_due_ = true;         // the next commit raises it
  std::uint64_t mark_;
  MarkFile mark_file_;

  std::thread thread_;
};

SqliteJournal::SqliteJournal(const JournalOptions& options, Opened opened, Logger log)
    : audit_ms_(options.retention.audit_ms),
      connection_(std::move(opened.connection)),
      statements_(std::move(opened.statements)),
      retention_(std::move(opened.retention)),
      audit_(std::move(opened.audit)),
      restored_(std::move(opened.restored)),
      log_(std::move(log)),
      mark_(opened.mark),
      mark_file_(options.data_dir) {}

SqliteJournal::~SqliteJournal() {
  stopping_ = true;
  stop_.raise();
  mailbox_.post({});  // wakes the thread; an empty batch commits nothing
  if (thread_.joinable()) thread_.join();
  if (damage_.empty()) connection_->checkpoint_on_close();
}

void SqliteJournal::run() {
  connection_->count_wal_pages(&wal_pages_);
  std::vector<Batch> batches;
  for (bool last = false;;) {
    if (!commit_until_done(batches) || last || !do_chores()) return;
    const MonoMs wait = stopping_ ? 0 : next_chore() - read_clock().mono;
    mailbox_.wait(static_cast<int>(std::clamp<MonoMs>(wait, 0, kRetentionEveryMs)));
    last = stopping_;  // before the taking: then nothing is posted behind it
    batches = mailbox_.take();
  }
}

bool SqliteJournal::commit_until_done(const std::vector<Batch>& batches) {
  for (const Batch& batch : batches) {
    if (!batch.damage.empty()) note_damage(batch.damage);
  }
  // While checkpoints fail, the mark alone is not worth a longer log.
  if (batches.empty() && (!mark_due_ || !checkpoint_problem_.empty())) return true;
  std::string told;
  for (;;) {
    const Status done = commit(batches);
    if (done) break;
    if (done.error().code == ErrorCode::corrupt) note_damage(done.error().message);
    if (done.error().message != told) {
      log_->error("journal=failing reason=\"{}\" retry_ms={}", done.error().message, kRetryMs);
      tell(done.error().message);
      told = done.error().message;
    }
    if (stop_.wait(kRetryMs) || stopping_) return false;
  }
  if (!told.empty()) log_->info("journal=well");
  for (const Batch& batch : batches) committed_ = std::max(committed_, batch.number);
  if (!told.empty() || !batches.empty()) tell({});
  return true;
}

Status SqliteJournal::commit(const std::vector<Batch>& batches) {
  const std::uint64_t mark = mark_ + 1;
  if (auto written = write_all(batches); !written) return written;
  if (!mark_due_) return ok_status();
  if (auto told = mark_file_.write(mark); !told) return told;
  mark_ = mark;
  mark_due_ = false;
  return ok_status();
}

Status SqliteJournal::write_all(const std::vector<Batch>& batches) {
  const auto saves = last_states(batches);
  if (saves.empty() && !mark_due_) return ok_status();
  const auto begun = std::chrono::steady_clock::now();
  const Status done = connection_->transaction([&] {
    for (const Save* save : saves) {
      const Status written = std::visit([this](const auto& s) { return write(s); }, *save);
      if (!written) return written;
    }
    if (!mark_due_) return ok_status();
    statements_.set_mark.bind(1, static_cast<std::int64_t>(mark_ + 1));
    return statements_.set_mark.run();
  });
  if (!done) {
    ++counts_.failed_commits;
  } else if (!saves.empty()) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    counts_.commit_seconds.add(took.count());
    counts_.commit_rows.add(static_cast<double>(saves.size()));
  }
  return done;
}

Status SqliteJournal::write(const SavePurge& order) {
  statements_.save_purge.bind(1, order.before);
  if (auto saved = statements_.save_purge.run(); !saved) return saved;
  retention_.purge_before(order.before);
  next_retention_ = 0;
  return ok_status();
}

bool SqliteJournal::do_chores() {
  const Now now = read_clock();
  if (now.mono >= next_retention_) forget(now);
  if (checkpoint_due() && now.mono >= next_checkpoint_) return checkpoint(now.mono);
  return true;
}

bool SqliteJournal::checkpoint_due() const {
  if (!checkpoint_problem_.empty()) return true;  // only another one shows that it is gone
  // Fewer than were copied: the log has begun anew.
  const int copied = wal_pages_ >= copied_pages_ ? copied_pages_ : 0;
  return wal_pages_ - copied >= kCheckpointPages;
}

MonoMs SqliteJournal::next_chore() const {
  return checkpoint_due() ? std::min(next_checkpoint_, next_retention_) : next_retention_;
}

bool SqliteJournal::checkpoint(MonoMs now) {
  next_checkpoint_ = now + kCheckpointAgainMs;
  const auto done = connection_->checkpoint(wal_pages_ >= kLargeWalPages);
  const std::string problem = done ? "" : done.error().message;
  if (!done && done.error().code == ErrorCode::corrupt) note_damage(problem);
  if (problem != checkpoint_problem_) {
    // Commits go on for now, but the log would grow until they fail too.
    checkpoint_problem_ = problem;
    if (problem.empty()) {
      log_->info("checkpoint=well");
    } else {
      log_->error("checkpoint=failing reason=\"{}\" retry_ms={}", problem, kCheckpointAgainMs);
    }
    tell({});
  }
  mark_due_ = true;  // a part may have been copied, so that the log begins anew
  if (!done) return true;
  copied_pages_ = done->copied_pages;
  if (done->complete()) next_checkpoint_ = now;
  return commit_until_done({});
}

void SqliteJournal::forget(Now now) {
  next_retention_ = now.mono + kRetentionEveryMs;
  const auto step = retention_.step(now);
  std::string problem;
  if (!step) {
    problem = step.error().message;
    if (step.error().code == ErrorCode::corrupt) note_damage(problem);
  } else if (step->by_size && !step->more) {
    problem = "the database is over --database-mb, and no finished job is left that may go";
    next_retention_ = now.mono + kFutileRetentionMs;
  }
  if (problem != retention_problem_) {
    retention_problem_ = problem;
    if (!problem.empty()) log_->warn("retention=failing reason=\"{}\"", problem);
  }
  if (!step) return;
  forgotten_ += static_cast<std::uint64_t>(step->deleted);
  purged_ += static_cast<std::uint64_t>(step->purged);
  counts_.deleted_jobs += static_cast<std::uint64_t>(step->deleted);
  counts_.database_bytes = step->used_bytes;
  if (step->more) {
    next_retention_ = now.mono;
    return;
  }
  if (forgotten_ + purged_ > 0) {
    log_->info("retention=done deleted_jobs={} purged_jobs={} database_bytes={}",
               std::exchange(forgotten_, 0), std::exchange(purged_, 0), step->used_bytes);
  }
  const auto done = audit_.forget(retention_.age_clock(now) - audit_ms_);
  if (!done) log_->warn("audit=failing reason=\"{}\"", done.error().message);
}

void SqliteJournal::note_damage(const std::string& problem) {
  if (!damage_.empty()) return;
  damage_ = "the database is damaged: " + problem;
  log_->error(
      "database=damaged reason=\"{}\" do=\"stop docket-master and start it again: it says "
      "what helps\"",
      problem);
  tell({});
}

void SqliteJournal::tell(const std::string& failing) {
  listener_({committed_, !damage_.empty()   ? damage_
                         : !failing.empty() ? failing
                                            : checkpoint_problem_});
}

Result<Opened> open_database(const JournalOptions& options, const Logger& log) {
  auto connection = open_for_writing(options.data_dir, log);
  if (!connection) return connection.error();
  auto owned = std::make_unique<Connection>(std::move(*connection));
  const auto named = [&](const Error& error) { return with_help(options.data_dir, error); };
  const auto mark = owned->integer("SELECT mark FROM store");
  if (!mark) return named(mark.error());
  auto restored = read_restored(*owned);
  if (!restored) return named(restored.error());
  auto statements = prepare_all(*owned);
  if (!statements) return named(statements.error());
  auto retention = Retention::prepare(*owned, options.retention, read_clock());
  if (!retention) return named(retention.error());
  const auto purge_before = owned->integer("SELECT purge_before_ms FROM store");
  if (!purge_before) return named(purge_before.error());
  retention->purge_before(*purge_before);
  auto audit = AuditLog::prepare(*owned);
  if (!audit) return named(audit.error());
  return Opened{std::move(owned),  std::move(*statements), std::move(*retention),
                std::move(*audit), std::move(*restored),   static_cast<std::uint64_t>(*mark)};
}

}  // namespace

void take_save(Effect& effect, std::vector<Save>& saves) {
  std::visit(
      [&]<class E>(E& e) {
        if constexpr (std::is_constructible_v<Save, E>) saves.emplace_back(std::move(e));
      },
      effect);
}

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, Logger log) {
  auto opened = open_database(options, log);
  if (!opened) return opened.error();
  return std::unique_ptr<Journal>(
      std::make_unique<SqliteJournal>(options, std::move(*opened), std::move(log)));
}

}  // namespace docket::store
