#include "agent/loop/loop.h"

#include <algorithm>

#include "protocol/base/overloaded.h"

namespace docket::agent {
namespace {

constexpr std::size_t kMostMessagesPerTurn = 256;
constexpr MonoMs kSpoolAgainMs = 1'000;

}  // namespace

Loop::Loop(Core core, Dealer& dealer, JobeClient& jobe, ResultSpool& spool, const Host& host,
           std::function<void()> ready, Notifier& notifier, Logger log)
    : core_(std::move(core)),
      dealer_(dealer),
      jobe_(jobe),
      spool_(spool),
      host_(host),
      ready_(std::move(ready)),
      notifier_(notifier),
      log_(std::move(log)) {}

void Loop::run() {
  core_.step(Recovered{spool_.load()}, read_clock(), effects_);
  perform();
  while (!over()) {
    sleep(read_clock());
    const Now now = read_clock();
    for (const DrainWithin& drain : inbox_.take()) {
      stop_by_ = now.mono + drain.drain_ms;
      core_.step(Drain{}, now, effects_);
    }
    jobe_.collect(events_);
    const std::size_t bad_before = dealer_.bad_frames();
    dealer_.receive(kMostMessagesPerTurn, events_);
    if (dealer_.bad_frames() != bad_before) {
      log_->warn("bad_frames={} from=master", dealer_.bad_frames());
    }
    note_trouble();
    for (Event& event : events_) core_.step(std::move(event), now, effects_);
    events_.clear();
    core_.tick(now, effects_);
    perform();
    retry_spool(now.mono);
    tell_service_manager(now.mono);
    if (now.mono >= stop_by_) {
      log_->warn("draining=given_up running={}", core_.running());
      core_.give_up(effects_);
      perform();
      if (spool_.unsaved() > 0) log_->error("results_lost={}", spool_.unsaved());
      return;
    }
  }
}

void Loop::note_trouble() {
  if (dealer_.trouble() == trouble_) return;
  trouble_ = dealer_.trouble();
  if (trouble_ == LinkTrouble::refused) {
    log_->warn(
        "link=refused reason=\"the master does not let this host's key in\" do=\"docket agents "
        "approve it there, or join it anew with docket-agent join\"");
  } else if (trouble_ == LinkTrouble::broken) {
    log_->warn(
        "link=broken reason=\"whoever listens there does not prove the master's key\" do=\"check "
        "--master and --master-key\"");
  }
}

void Loop::keep(const Finished& result) {
  const bool was_well = spool_.unsaved() == 0;
  const auto kept = spool_.keep(result);
  if (kept || !was_well) return;
  log_->error(
      "spool=failing reason=\"{}\" note=\"results are in memory only until the disk or the "
      "master takes them\"",
      kept.error().message);
}

void Loop::retry_spool(MonoMs now) {
  if (spool_.unsaved() == 0 || now < next_spool_) return;
  spool_.retry();
  next_spool_ = now + kSpoolAgainMs;
  if (spool_.unsaved() == 0) log_->info("spool=well");
}

void Loop::tell_service_manager(MonoMs now) {
  if (now < notifier_.due()) return;
  std::string status = std::to_string(core_.running()) + " runs under way";
  if (!welcomed_) status = "no master has welcomed it yet; " + status;
  notifier_.turned(now, status);
}

void Loop::sleep(Now now) {
  if (dealer_.pending() || !events_.empty()) return;
  const MonoMs spool = spool_.unsaved() > 0 ? next_spool_ : kNever;
  const MonoMs until = std::min({core_.next_deadline(), stop_by_, spool, notifier_.due()});
  const MonoMs wait = std::clamp<MonoMs>(until - now.mono, 0, 10'000);
  jobe_.wait({dealer_.fd(), inbox_.fd()}, static_cast<int>(wait));
}

void Loop::perform() {
  for (Effect& effect : effects_) perform_one(effect);
  effects_.clear();
}

void Loop::perform_one(Effect& effect) {
  std::visit(Overloaded{
                 // What cannot be sent is not lost: hello repeats, results wait for Taken.
                 [&](SendToMaster& send) { dealer_.send(send.message); },
                 [&](Reconnect&) { dealer_.reconnect(); },
                 [&](PostRun& run) { jobe_.start(std::move(run)); },
                 [&](CheckFile& file) { jobe_.start(std::move(file)); },
                 [&](PutFile& file) { jobe_.start(std::move(file)); },
                 [&](Probe&) { jobe_.start_probe(); },
                 [&](SampleHost&) { events_.push_back(HostSampled{host_.sample()}); },
                 [&](Spool& finished) { keep(finished.result); },
                 [&](Unspool& gone) { spool_.forget(gone.id); },
                 [&](Note& note) {
                   log_->log(
                       note.level == Note::Level::info ? spdlog::level::info : spdlog::level::warn,
                       "{}", note.text);
                 },
                 [&](Ready&) {
                   welcomed_ = true;
                   ready_();
                 },
                 [&](Stop&) { stopped_ = true; },
             },
             effect);
}

}  // namespace docket::agent
