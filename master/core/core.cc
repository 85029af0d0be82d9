#include "master/core/core.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/base/link_key.h"

namespace docket {

Core::Core(CoreSettings settings, std::string version)
    : settings_(settings),
      version_(std::move(version)),
      queue_(settings.ageing_ms),
      names_(settings.max_idempotency_keys),
      shown_keys_(std::make_shared<const ApiKeys>()),
      access_(std::make_shared<const AccessTokens>()) {}

void Core::step(Event&& event, Now now, Effects& out) {
  std::visit([&](auto& e) { on(e, now, out); }, event);
  dispatch(now, out);
}

void Core::tick(Now now, Effects& out) {
  // Time in which this process itself stood still proves nothing against an agent.
  const MonoMs gap = last_tick_ == kNever ? 0 : now.mono - last_tick_;
  if (gap > settings_.silence_ms / 2) {
    for (auto& [name, agent] : agents_.all()) agent.heard = std::min(agent.heard + gap, now.mono);
  }
  last_tick_ = now.mono;
  if (history_.due(now.mono)) history_.end_step(now, sample(now));
  if (next_agents_check_ <= now.mono) {
    check_agents(now, out);
    next_agents_check_ = now.mono + settings_.heartbeat_ms / 2;
  }
  while (const ReplyTo to = waiting_.due(now.mono)) end_wait(to, out);
  names_.expire(now.mono);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    LiveJob* job = live(deadlines_.begin()->second);
    CHECK_THAT(job != nullptr);
    on_deadline(*job, now, out);
  }
  dispatch(now, out);
}

MonoMs Core::next_deadline() const {
  const MonoMs job = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  return std::min({job, next_agents_check_, waiting_.next_end()});
}

void Core::on(Restored& event, Now now, Effects& out) {
  for (auto& record : event.agents) {
    Agent& agent = agents_.add(record.name);
    agent.slots = record.slots;
    agent.weight_percent = record.weight_percent;
    agent.hold = record.hold;
    agent.hold_reason = std::move(record.hold_reason);
    agent.tags = std::move(record.tags);
    for (const auto& language : record.languages) known_languages_.insert(language.id);
    agent.languages = std::move(record.languages);
    agent.reason = "not seen since the master started";
    agent.since = now.wall;
  }
  restore_keys(event, now, out);
  for (auto& key : event.keys) keys_.emplace(key.name, std::move(key));
  publish_keys();
  AccessTokens access;
  for (auto& token : event.access) access.emplace(token.name, std::move(token));
  access_ = std::make_shared<const AccessTokens>(std::move(access));
  for (auto& named : event.named) {
    const MonoMs ends = now.mono + named.received + settings_.idempotency_ms - now.wall;
    if (ends <= now.mono) continue;
    names_.remember(Idempotency::scoped(named.key, named.idempotency_key),
                    {std::move(named.fingerprint), named.job}, ends);
  }
  // Ids sort by age, so arrival order is kept.
  std::sort(event.jobs.begin(), event.jobs.end(),
            [](const Job& a, const Job& b) { return a.id < b.id; });
  for (auto& job : event.jobs) {
    FileHold hold = std::move(event.holds[job.id]);
    restore(std::move(job), std::move(hold), now, out);
  }
}

void Core::restore(Job&& job, FileHold hold, Now now, Effects& out) {
  CHECK_THAT(!is_final(job.state) && job.run_spec != nullptr);
  const JobId id = job.id;
  LiveJob& restored = jobs_[id];
  restored.job = std::move(job);
  restored.hold = std::move(hold);
  restored.ticket = next_ticket_++;
  restored.came = now.mono;
  restored.program = std::hash<std::string>()(*restored.job.run_spec);
  restored.wait_until = now.mono + settings_.queue_wait_ms;
  restored.tags = tags_of(restored.job.key);
  recount(restored);
  if (restored.job.state == JobState::running) {
    // Its agent may still have it: wait for the agent to say so.
    set_deadline(restored, now.mono + settings_.rejoin_grace_ms);
    return;
  }
  await_room(restored, now);
  enqueue(restored);
  if (!wanted(restored)) cancel(restored, "its client was lost with the master", now, out);
}

void Core::on(StoreProblem& event, Now, Effects& out) {
  store_problem_ = event.problem;
  out.push_back(store_problem_.empty()
                    ? Note{Note::Level::info, "store=well accepting=yes"}
                    : Note{Note::Level::warn,
                           "store=failing accepting=no reason=\"" + store_problem_ + "\""});
}

void Core::on(Reconfigure& event, Now, Effects&) {
  CHECK_THAT(event.settings.heartbeat_ms == settings_.heartbeat_ms &&
             event.settings.silence_ms == settings_.silence_ms);
  settings_ = std::move(event.settings);
}

void Core::on(StopAccepting&, Now, Effects& out) {
  stopping_ = true;
  // Who only watches can ask again when the master is back.
  for (const ReplyTo to : waiting_.watching()) end_wait(to, out);
}

ClusterSample Core::sample(Now now) const {
  ClusterSample cluster;
  cluster.waiting = queued_;
  for (const auto& [name, lane] : queue_.lanes()) {
    const auto found = jobs_.find(lane.jobs.begin()->second.job);
    CHECK_THAT(found != jobs_.end());
    cluster.oldest_wait_ms =
        std::max(cluster.oldest_wait_ms, now.wall - found->second.job.received);
  }
  for (const auto& [name, agent] : agents_.all()) {
    if (!agent.takes_work() || agent.languages.empty() || !agent.shortage.empty()) continue;
    cluster.slots += agent.slots;
    cluster.busy += std::min<std::size_t>(agent.slots_taken(), agent.slots);
  }
  return cluster;
}

Snapshot Core::snapshot(Now now) const {
  Snapshot view;
  view.taken = now.wall;
  view.accepting = !stopping_ && store_problem_.empty();
  view.problem = stopping_ ? "the master is stopping" : store_problem_;
  view.queued = queued_;
  view.queued_bytes = queued_bytes_;
  view.running = jobs_.size() - queued_;
  view.max_queued = settings_.max_queued_jobs;
  view.max_queued_bytes = settings_.max_queued_bytes;
  view.submitted = submitted_;
  view.finished = finished_;
  view.late_results = late_results_;
  view.refused = refused_;
  view.last_refusal = last_refusal_;
  view.last_refused = last_refused_;
  view.expired = expired_;
  view.keys = shown_keys_;
  view.access = access_;
  view.refused_peers = refused_peers_;
  for (const auto& [name, key] : agent_keys_) {
    if (key.trust != Trust::awaiting) continue;
    view.awaiting.push_back({name, fingerprint_of(key.public_key), key.joined});
  }
  for (const auto& [id, token] : tokens_) {
    if (token.uses > 0 && now.wall < token.expires) view.join_tokens.push_back(token);
  }
  const ClusterSample cluster = sample(now);
  view.slots = cluster.slots;
  view.busy = cluster.busy;
  view.oldest_wait_ms = cluster.oldest_wait_ms;
  view.recent = recent_.rates(now.mono);
  view.history = history_.history();
  view.counters = counters_;
  std::map<std::string, std::string> languages;
  for (const auto& [name, agent] : agents_.all()) {
    AgentView& shown = view.agents.emplace_back();
    shown.name = name;
    shown.version = agent.version;
    shown.state = agent.state;
    shown.reason = agent.reason.empty() ? agent.sandbox_problem : agent.reason;
    if (shown.reason.empty()) shown.reason = agent.crowded;
    shown.shortage = agent.shortage;
    shown.degraded = agent.degraded;
    shown.since = agent.since;
    shown.last_heard = agent.heard_wall;
    shown.slots = agent.slots;
    shown.running = static_cast<std::uint32_t>(agent.slots_taken());
    shown.weight_percent = agent.weight_percent;
    shown.languages = agent.languages;
    shown.tags = agent.tags;
    shown.host = agent.host;
    shown.clock_offset_ms = agent.clock_offset_ms;
    shown.finished = agent.finished;
    shown.host_faults = agent.host_faults;
    shown.test = agent.test;
    if (!agent.takes_work()) continue;
    for (const auto& language : agent.languages) {
      std::string& version = languages[language.id];
      version = std::max(version, language.version);
    }
  }
  for (auto& [id, version] : languages) view.languages.push_back({id, version});
  view.known_languages.assign(known_languages_.begin(), known_languages_.end());
  return view;
}

}  // namespace docket
