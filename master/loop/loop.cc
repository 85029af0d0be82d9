#include "master/loop/loop.h"

#include <poll.h>

#include <algorithm>

#include "protocol/base/check.h"

namespace docket {
namespace {

constexpr std::size_t kMostMessagesPerTurn = 256;
constexpr MonoMs kPublishEveryMs = 20;
// A busy disk takes seconds for a commit; a sound one not so many.
constexpr MonoMs kJournalStallMs = 10'000;
constexpr MonoMs kStoppingTurnMs = 20;  // connections end without a word to the loop
constexpr MonoMs kOversleptMs = 1'000;

}  // namespace

Loop::Loop(Core core, Effects first, net::Router& router, FileStore& files,
           Published<Snapshot>& published, Answering answer, Notifier& notifier, Logger log)
    : core_(std::move(core)),
      router_(router),
      files_(files),
      published_(published),
      answer_(std::move(answer)),
      notifier_(notifier),
      log_(std::move(log)),
      effects_(std::move(first)) {}

void Loop::run() {
  CHECK_THAT(journal_ != nullptr);
  perform(read_clock());
  for (;;) {
    sleep(read_clock());
    const Now now = read_clock();
    for (const LinkId link : std::exchange(gone_, {})) core_.step(LinkGone{link}, now, effects_);
    take_inbox(now);
    events_.clear();
    router_.receive(kMostMessagesPerTurn, events_);
    for (Event& event : events_) core_.step(std::move(event), now, effects_);
    if (!events_.empty() || router_.refused() != refused_shown_) unpublished_ = true;
    watch_journal(now);
    core_.tick(now, effects_);
    perform(now);
    tell_service_manager(now);
    if (now.mono >= stop_by_) return;
    if (nobody_asks_ && core_.nobody_waits() && held_.empty() && nobody_asks_()) return;
  }
}

void Loop::sleep(Now now) {
  if (!gone_.empty() || router_.pending()) return;
  MonoMs until = std::min({core_.next_deadline(), stop_by_, notifier_.due()});
  if (journal_moved_ != kNever && store_problem_.empty()) {
    until = std::min(until, journal_moved_ + kJournalStallMs);
  }
  if (unpublished_) until = std::min(until, next_publish_);
  if (nobody_asks_) until = std::min(until, now.mono + kStoppingTurnMs);
  const MonoMs wait = until == kNever ? 60'000 : std::clamp<MonoMs>(until - now.mono, 0, 60'000);
  pollfd fds[2] = {{router_.fd(), POLLIN, 0}, {inbox_.fd(), POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(wait));
  // Time in which this process itself stood still proves nothing against the disk.
  const MonoMs overslept = read_clock().mono - now.mono - wait;
  if (overslept > kOversleptMs && journal_moved_ != kNever) journal_moved_ += overslept;
}

void Loop::take_inbox(Now now) {
  auto items = inbox_.take();
  if (!items.empty()) unpublished_ = true;
  for (Item& item : items) {
    std::visit([&](auto& i) { on(i, now); }, item);
  }
}

void Loop::on(Event& event, Now now) {
  core_.step(std::move(event), now, effects_);
}

void Loop::on(Order& order, Now now) {
  const std::size_t before = effects_.size();
  core_.step(std::move(order.command), now, effects_);
  for (std::size_t i = before; i < effects_.size(); ++i) {
    const auto* done = std::get_if<CommandDone>(&effects_[i]);
    if (done != nullptr && done->error) return;  // nothing was done
  }
  core_.step(Record{std::move(order.entry)}, now, effects_);
}

void Loop::on(const store::JournalProgress& progress, Now now) {
  committed_ = std::max(committed_, progress.committed);
  journal_moved_ = committed_ < batch_ ? now.mono : kNever;
  if (progress.problem != store_problem_) {
    store_problem_ = progress.problem;
    core_.step(StoreProblem{store_problem_}, now, effects_);
  }
  release();
}

void Loop::on(const Stop& stop, Now now) {
  nobody_asks_ = stop.nobody_asks;
  stop_by_ = now.mono + stop.drain_ms;
  core_.step(StopAccepting{}, now, effects_);
}

void Loop::watch_journal(Now now) {
  if (journal_moved_ == kNever || !store_problem_.empty()) return;
  if (now.mono - journal_moved_ < kJournalStallMs) return;
  // Its next word ends this.
  store_problem_ =
      "the disk has not finished a commit for " + std::to_string(kJournalStallMs / 1'000) + " s";
  core_.step(StoreProblem{store_problem_}, now, effects_);
}

void Loop::perform(Now now) {
  std::vector<store::Save> saves;
  bool changed = false;
  for (Effect& effect : effects_) {
    if (const auto* save = std::get_if<SaveJob>(&effect)) log(save->job);
    store::take_save(effect, saves);
    if (auto* note = std::get_if<Note>(&effect)) {
      log(*note);
      changed = true;
    }
    changed = changed || std::holds_alternative<CommandDone>(effect);
  }
  if (!saves.empty()) {
    journal_->post(++batch_, std::move(saves));
    journal_moved_ = std::min(journal_moved_, now.mono);
  }
  // Agents and languages change together with a note, or by a command: whoever hears of it must
  // find it published.
  publish(now, changed);
  for (Effect& effect : effects_) {
    if (auto* admit = std::get_if<AdmitKeys>(&effect)) {
      router_.admit(std::move(admit->keys));
    } else if (auto* order = std::get_if<Send>(&effect)) {
      if (order->after_commit && committed_ < batch_) {
        held_.push_back({batch_, std::move(*order)});
      } else {
        send(*order);
      }
    } else if (auto* chunk = std::get_if<SendChunk>(&effect)) {
      send_chunk(*chunk);
    } else if (auto* answer = std::get_if<Answer>(&effect)) {
      const bool after_commit = waits_for_commit(answer->kind);
      reply(std::move(*answer), after_commit);
    } else if (auto* done = std::get_if<CommandDone>(&effect)) {
      const bool after_commit = !done->error.has_value();
      reply(std::move(*done), after_commit);
    } else if (auto* explained = std::get_if<Explained>(&effect)) {
      reply(std::move(*explained), false);
    }
  }
  effects_.clear();
}

void Loop::publish(Now now, bool at_once) {
  if (!at_once && (!unpublished_ || now.mono < next_publish_)) return;
  Snapshot snapshot = core_.snapshot(now);
  refused_shown_ = router_.refused();
  snapshot.refused_peers += refused_shown_;
  published_.set(std::move(snapshot));
  unpublished_ = false;
  next_publish_ = now.mono + kPublishEveryMs;
}

void Loop::reply(Reply reply, bool after_commit) {
  if (after_commit && committed_ < batch_) {
    held_.push_back({batch_, std::move(reply)});
  } else {
    answer_(std::move(reply));
  }
}

void Loop::release() {
  while (!held_.empty() && held_.front().batch <= committed_) {
    Held held = std::move(held_.front());
    held_.pop_front();
    if (auto* reply = std::get_if<Reply>(&held.what)) {
      answer_(std::move(*reply));
    } else {
      send(std::get<Send>(held.what));
    }
  }
}

void Loop::send(const Send& order) {
  if (!router_.send(order.link, order.message)) gone_.push_back(order.link);
}

void Loop::send_chunk(SendChunk& order) {
  auto piece = files_.read(order.file, order.offset, kMaxChunkBytes);
  if (!piece) {
    log_->warn("job={} file={} absent=\"{}\"", order.id.job.text(), order.file,
               piece.error().message);
    send({order.link, FileAbsent{order.id, std::move(order.file)}});
    return;
  }
  send({order.link, FileChunk{order.id, std::move(order.file), piece->total_bytes, order.offset,
                              std::move(piece->data), piece->version}});
}

void Loop::tell_service_manager(Now now) {
  if (now.mono < notifier_.due()) return;
  const auto view = published_.get();
  std::string status = std::to_string(view->queued) + " runs waiting, " +
                       std::to_string(view->running) + " running on " +
                       std::to_string(view->slots) + " slots";
  if (!view->accepting) status = "refuses runs: " + view->problem + "; " + status;
  notifier_.turned(now.mono, status);
}

void Loop::log(const Note& note) {
  // Some of it was said by agents and sandboxes: it must stay one line.
  std::string text = note.text;
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  log_->log(note.level == Note::Level::info ? spdlog::level::info : spdlog::level::warn, "{}",
            text);
}

void Loop::log(const Job& job) {
  // Of a run that is cancelled or expires the core's note tells, with the reason.
  const auto level = job.state == JobState::done     ? spdlog::level::info
                     : job.state == JobState::failed ? spdlog::level::warn
                                                     : spdlog::level::debug;
  if (!log_->should_log(level)) return;
  std::string text =
      log_name(job) + " state=" + std::string(state_name(job.state)) + " language=" + job.language;
  if (!job.key.empty()) text += " key=" + job.key;
  if (!job.attempts.empty()) {
    const Attempt& last = job.attempts.back();
    text += " agent=" + last.agent + " attempt=" + std::to_string(last.number) +
            " waited_ms=" + std::to_string(waited_ms(job)) +
            " run_ms=" + std::to_string(last.run_ms);
  }
  if (is_final(job.state)) {
    text += " http_status=" + std::to_string(job.http_status) +
            " outcome=" + std::to_string(job.outcome);
  }
  log_->log(level, "{}", text);
}

}  // namespace docket
