#include "agent/core/core.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"

namespace docket::agent {

Core::Core(CoreSettings settings)
    : settings_(std::move(settings)), probe_wait_ms_(settings_.probe_retry_ms) {}

void Core::step(Event&& event, Now now, Effects& out) {
  std::visit([&](auto& e) { on(e, now, out); }, event);
  flights_.go_on(welcomed_, out);
  stop_when_drained(out);
}

void Core::tick(Now now, Effects& out) {
  if (!probing_ && now.mono >= next_probe_) {
    probing_ = true;
    out.push_back(Probe{});
  }
  if (!sampling_ && now.mono >= next_sample_) {
    sampling_ = true;
    out.push_back(SampleHost{});
  }
  if (welcomed_ && now.mono - heard_ >= silence_ms_) {
    lose_link(now, out, "the master is silent");
    out.push_back(Reconnect{});
  }
  if (!welcomed_ && probed_ && now.mono >= next_hello_) say_hello(now, out);
  if (welcomed_ && now.mono - sent_ >= heartbeat_ms_) tell(Heartbeat{now.mono}, now, out);
  for (auto& [id, work] : works_) {
    if (work.phase == Phase::fetching && now.mono >= work.lease_end) {
      fail(work, Ending::files_unavailable, "the support files did not come within the lease", now,
           out);
    }
  }
  flights_.go_on(welcomed_, out);
  stop_when_drained(out);
}

MonoMs Core::next_deadline() const {
  MonoMs next = std::min(probing_ ? kNever : next_probe_, sampling_ ? kNever : next_sample_);
  if (welcomed_) {
    next = std::min({next, sent_ + heartbeat_ms_, heard_ + silence_ms_});
  } else if (probed_) {
    next = std::min(next, next_hello_);
  }
  for (const auto& [id, work] : works_) {
    if (work.phase == Phase::fetching) next = std::min(next, work.lease_end);
  }
  return next;
}

std::size_t Core::running() const {
  return static_cast<std::size_t>(
      std::count_if(works_.begin(), works_.end(),
                    [](const auto& entry) { return entry.second.phase != Phase::finished; }));
}

// ---- the link

void Core::on(FromMaster& event, Now now, Effects& out) {
  heard_ = now.mono;
  std::visit([&](auto& message) { on_message(message, now, out); }, event.message);
}

void Core::say_hello(Now now, Effects& out) {
  Hello hello;
  hello.name = settings_.name;
  hello.instance = settings_.instance;
  hello.version = settings_.version;
  hello.slots = settings_.slots;
  hello.weight_percent = settings_.weight_percent;
  hello.languages = languages_;
  hello.sandbox_problem = sandbox_problem_;
  for (const auto& [id, work] : works_) hello.held.push_back(id);
  hello.tags = settings_.tags;
  hello.host = host_;
  hello.oldest_protocol = kOldestProtocol;
  next_hello_ = now.mono + settings_.hello_every_ms;
  unanswered_since_ = std::min(unanswered_since_, now.mono);
  if (link_note_.empty() && now.mono - unanswered_since_ >= settings_.no_answer_ms) {
    note_link(out, Note::Level::warn,
              "master=" + settings_.master +
                  " link=down reason=\"no answer\" do=\"check --master and that docket-master runs "
                  "there; trying on\"");
  }
  sandbox_changed_ = false;
  tell(std::move(hello), now, out);
}

void Core::on_message(Welcome& message, Now now, Effects& out) {
  clock_offset_ = past_clock_offset_ = kNever;
  learn_master_clock(message.master_ms, now);
  heartbeat_ms_ = message.heartbeat_ms;
  silence_ms_ = message.silence_ms;
  unanswered_since_ = kNever;
  if (welcomed_) return;  // the answer to a hello that was repeated
  welcomed_ = true;
  note_link(out, Note::Level::info,
            "master=" + settings_.master + " link=up master_version=" + message.version);
  if (!ever_welcomed_) out.push_back(Ready{});
  ever_welcomed_ = true;
  if (sandbox_changed_) tell(SandboxReport{languages_, sandbox_problem_}, now, out);
  if (draining_) tell(Draining{}, now, out);
  next_report_ = now.mono;
  flights_.ask_again();
  for (auto& [id, work] : works_) {
    if (work.phase == Phase::finished) tell(work.result, now, out);
  }
}

void Core::on_message(Refused& message, Now now, Effects& out) {
  welcomed_ = false;
  unanswered_since_ = kNever;
  switch (message.code) {
    case Refusal::say_hello:
      next_hello_ = now.mono;
      break;
    case Refusal::name_in_use:
      next_hello_ = now.mono + settings_.hello_every_ms;
      break;
    case Refusal::protocol_version:
    case Refusal::bad_hello:
      next_hello_ = now.mono + settings_.refused_retry_ms;
      break;
  }
  spool_untaken(out);
  if (message.code != Refusal::say_hello) {
    note_link(out, Note::Level::warn,
              "master=" + settings_.master + " link=refused reason=\"" + message.reason + "\"");
  }
}

void Core::on_message(Standing&, Now, Effects&) {}  // nothing was asked

void Core::on_message(Heartbeat& message, Now now, Effects&) {
  learn_master_clock(message.sender_ms, now);
}

void Core::learn_master_clock(MonoMs master_ms, Now now) {
  constexpr MonoMs kWindowMs = 60'000;
  if (now.mono >= clock_window_end_) {
    past_clock_offset_ = std::exchange(clock_offset_, kNever);
    clock_window_end_ = now.mono + kWindowMs;
  }
  // A message that was late gives a larger difference: the smallest is nearest the truth.
  clock_offset_ = std::min(clock_offset_, now.mono - master_ms);
}

void Core::lose_link(Now now, Effects& out, const std::string& why) {
  welcomed_ = false;
  next_hello_ = now.mono;
  spool_untaken(out);
  note_link(out, Note::Level::warn,
            "master=" + settings_.master + " link=down reason=\"" + why + "\"");
}

void Core::spool_untaken(Effects& out) {
  for (auto& [id, work] : works_) {
    if (work.phase == Phase::finished && !work.spooled) {
      work.spooled = true;
      out.push_back(Spool{work.result});
    }
  }
}

void Core::note_link(Effects& out, Note::Level level, const std::string& text) {
  if (text == link_note_) return;
  link_note_ = text;
  out.push_back(Note{level, text});
}

void Core::tell(ToMaster message, Now now, Effects& out) {
  sent_ = now.mono;
  out.push_back(SendToMaster{std::move(message)});
}

// ---- the sandbox

void Core::on(Probed& event, Now now, Effects& out) {
  probing_ = false;
  if (!event.problem.empty()) {
    sandbox_down(event.problem, now, out);
    probed_ = true;
    next_probe_ = now.mono + probe_wait_ms_;
    probe_wait_ms_ = std::min(probe_wait_ms_ * 2, settings_.probe_retry_max_ms);
    return;
  }
  next_probe_ = now.mono + settings_.probe_every_ms;
  probe_wait_ms_ = settings_.probe_retry_ms;
  const bool changed = event.languages != languages_ || !sandbox_problem_.empty() || !probed_;
  probed_ = true;
  if (!changed) return;
  languages_ = std::move(event.languages);
  sandbox_problem_.clear();
  out.push_back(
      Note{Note::Level::info, "sandbox=well languages=" + std::to_string(languages_.size())});
  report_sandbox(now, out);
}

void Core::sandbox_down(const std::string& problem, Now now, Effects& out) {
  if (problem == sandbox_problem_) return;
  sandbox_problem_ = problem;
  languages_.clear();
  out.push_back(
      Note{Note::Level::warn, "sandbox=down jobe=" + settings_.jobe + " reason=\"" + problem +
                                  "\" do=\"check --jobe and that Jobe runs there; trying on\""});
  report_sandbox(now, out);
}

void Core::report_sandbox(Now now, Effects& out) {
  sandbox_changed_ = !welcomed_;  // then it is told after the welcome
  if (welcomed_) tell(SandboxReport{languages_, sandbox_problem_}, now, out);
}

// ---- the host

void Core::on(HostSampled& event, Now now, Effects& out) {
  sampling_ = false;
  const bool busy = running() > 0;
  next_sample_ = now.mono + (busy ? settings_.sample_busy_ms : settings_.report_every_ms);
  host_ = event.report;
  load_.percent += event.report.load_percent;
  ++load_.looks;
  if (!welcomed_ || now.mono < next_report_) return;
  next_report_ = now.mono + settings_.report_every_ms;
  event.report.wall_ms = now.wall;
  tell(event.report, now, out);
}

std::uint32_t Core::mean_load(const Work& work) const {
  const std::uint64_t looks = load_.looks - work.load_before.looks;
  if (work.posted == 0 || looks == 0) return 0;
  return static_cast<std::uint32_t>((load_.percent - work.load_before.percent) / looks);
}

// ---- runs

Core::Work* Core::find(const AttemptId& id, Phase phase) {
  const auto found = works_.find(id);
  return found == works_.end() || found->second.phase != phase ? nullptr : &found->second;
}

void Core::on_message(Assign& message, Now now, Effects& out) {
  // What crossed the Bye is begun by nobody: the master gives it to another host.
  if (stopped_ || works_.contains(message.id)) return;
  const MonoMs offset = std::min(clock_offset_, past_clock_offset_);
  const bool late = offset != kNever && now.mono - offset > message.expires_ms;
  const bool full = running() >= settings_.slots;
  Work& work = works_[message.id];
  work.lease_end = now.mono + message.lease_ms;
  work.order = std::move(message);
  if (late || full) {
    fail(work, Ending::expired, late ? "it came after its expiry" : "every slot here is taken", now,
         out);
    return;
  }
  post(work, now, out);
}

void Core::post(Work& work, Now now, Effects& out) {
  work.phase = Phase::posting;
  if (work.posted == 0) {
    work.posted = now.mono;
    work.load_before = load_;
    next_sample_ = std::min(next_sample_, now.mono + settings_.sample_busy_ms);
  }
  const MonoMs left = std::max<MonoMs>(work.lease_end - now.mono, 1);
  out.push_back(PostRun{work.order.id, work.order.body, static_cast<std::uint32_t>(left)});
}

void Core::on(RunAnswered& event, Now now, Effects& out) {
  Work* work = find(event.id, Phase::posting);
  if (work == nullptr) return;
  if (event.ending == Ending::files_missing && !work->cancelled && !work->pushed &&
      !work->order.files.empty()) {
    work->phase = Phase::fetching;
    work->fetching_since = now.mono;
    work->awaited = {work->order.files.begin(), work->order.files.end()};
    for (const std::string& file : work->awaited) flights_.want(file, event.id, work->lease_end);
    return;
  }
  if (event.ending == Ending::unreachable || event.ending == Ending::cut) {
    // Told before the result, so that the master gives it nothing more meanwhile.
    sandbox_down(event.detail, now, out);
    if (!probing_) next_probe_ = now.mono;
  }
  if (work->cancelled && event.ending != Ending::cut) {
    fail(*work, Ending::cancelled, "", now, out);
    return;
  }
  Finished result;
  result.ending = event.ending;
  result.http_status = event.http_status;
  result.outcome = event.outcome;
  result.body = std::move(event.body);
  result.detail = std::move(event.detail);
  result.fault_signature = std::move(event.fault_signature);
  result.remark = event.remark;
  const bool overload = event.outcome == static_cast<std::uint32_t>(Outcome::overload);
  if (overload) {
    result.detail = overload_advice();
    if (!overload_noted_) {
      out.push_back(Note{Note::Level::warn, "sandbox=overloaded jobe=" + settings_.jobe +
                                                " reason=\"" + result.detail + "\""});
    }
  }
  if (event.ending == Ending::ran) overload_noted_ = overload;
  finish(*work, std::move(result), now, out);
}

std::string Core::overload_advice() const {
  const auto posted = std::count_if(works_.begin(), works_.end(), [](const auto& entry) {
    return entry.second.phase == Phase::posting;
  });
  // Never above the slots: Jobe has fewer users, or marks some busy that nobody uses. Those marks
  // are in shared memory, which outlives Apache.
  return std::to_string(posted) + " of " + std::to_string(settings_.slots) +
         " slots were in use: Jobe has fewer users (jobe_max_users), others use it too, or its web "
         "server crashed and left users marked busy; for that, run its freeallusers.php as root or "
         "reboot";
}

void Core::on_message(FileChunk& message, Now now, Effects& out) {
  on_news(flights_.on(message, now, out), now, out);
}

void Core::on_message(FileAbsent& message, Now now, Effects& out) {
  on_news(flights_.on(message), now, out);
}

void Core::on(FileChecked& event, Now now, Effects& out) {
  on_news(flights_.on(event), now, out);
}

void Core::on(FilePushed& event, Now now, Effects& out) {
  on_news(flights_.on(event), now, out);
}

void Core::on_news(const std::optional<FileNews>& news, Now now, Effects& out) {
  if (!news) return;
  for (const AttemptId& id : news->waiting) {
    Work* work = find(id, Phase::fetching);
    if (work == nullptr) continue;
    work->awaited.erase(news->file);
    if (news->ending != Ending::none) {
      fail(*work, news->ending, news->detail, now, out);
    } else if (work->awaited.empty()) {
      work->pushed = true;
      work->push_ms = static_cast<std::uint32_t>(now.mono - work->fetching_since);
      post(*work, now, out);
    }
  }
}

void Core::fail(Work& work, Ending ending, std::string detail, Now now, Effects& out) {
  Finished result;
  result.ending = ending;
  result.detail = std::move(detail);
  finish(work, std::move(result), now, out);
}

void Core::finish(Work& work, Finished result, Now now, Effects& out) {
  result.id = work.order.id;
  result.push_ms = work.push_ms;
  const MonoMs took = work.posted == 0 ? 0 : now.mono - work.posted - work.push_ms;
  result.run_ms = static_cast<std::uint32_t>(std::max<MonoMs>(took, 0));
  result.load_percent = mean_load(work);
  work.phase = Phase::finished;
  work.result = std::move(result);
  work.order.body.clear();
  for (const std::string& file : work.awaited) flights_.leave(file, work.order.id);
  work.awaited.clear();
  if (welcomed_) {
    tell(work.result, now, out);
  } else {
    work.spooled = true;
    out.push_back(Spool{work.result});
  }
}

void Core::on_message(Taken& message, Now, Effects& out) {
  const auto found = works_.find(message.id);
  if (found == works_.end() || found->second.phase != Phase::finished) return;
  if (found->second.spooled) out.push_back(Unspool{message.id});
  works_.erase(found);
}

void Core::on_message(Cancel& message, Now now, Effects& out) {
  // A program that was posted runs on: its request stays open until the sandbox is done with it.
  if (Work* posted = find(message.id, Phase::posting)) posted->cancelled = true;
  if (Work* fetching = find(message.id, Phase::fetching)) {
    fail(*fetching, Ending::cancelled, "", now, out);
  }
}

void Core::on(Recovered& event, Now, Effects&) {
  for (Finished& result : event.results) {
    Work& work = works_[result.id];
    work.phase = Phase::finished;
    work.spooled = true;
    work.order.id = result.id;
    work.result = std::move(result);
  }
}

// ---- leaving

void Core::on(Drain&, Now now, Effects& out) {
  draining_ = true;
  out.push_back(Note{Note::Level::info, "draining=yes running=" + std::to_string(running())});
  if (welcomed_) tell(Draining{}, now, out);
}

void Core::stop_when_drained(Effects& out) {
  if (!draining_ || stopped_) return;
  // Without a master, finished results are on disk for the next start.
  const bool done = welcomed_ ? works_.empty() : running() == 0;
  if (!done) return;
  stopped_ = true;
  if (welcomed_) out.push_back(SendToMaster{Bye{}});
  out.push_back(Stop{});
}

}  // namespace docket::agent
