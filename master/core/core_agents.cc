// The life of an agent: hello, heartbeats, what it holds, how it goes.
#include <algorithm>

#include "master/core/canary.h"
#include "master/core/core.h"
#include "master/core/verdict.h"
#include "protocol/base/check.h"

namespace docket {
namespace {

// By its own agent, in time or late.
bool was_reported(const Job& job, const std::string& agent, std::uint32_t attempt) {
  return std::any_of(job.attempts.begin(), job.attempts.end(), [&](const Attempt& a) {
    if (a.agent != agent || a.number != attempt || a.ending == Ending::none) return false;
    return static_cast<std::uint8_t>(a.ending) <= kLastWireEnding || a.ending == Ending::doubted ||
           a.late_answer != 0;
  });
}

}  // namespace

void Core::on(FromAgent& event, Now now, Effects& out) {
  if (admits(event, now, out)) return;
  if (auto* hello = std::get_if<Hello>(&event.message)) {
    on_hello(event.link, event.key, *hello, now, out);
    return;
  }
  Agent* agent = agents_.by_link(event.link);
  if (agent == nullptr) {
    refuse(event.link, Refusal::say_hello, "this connection has not said hello", out);
    return;
  }
  agent->heard = now.mono;
  agent->heard_wall = now.wall;
  if (agent->state == AgentState::suspect) settle(*agent, now, out);
  std::visit([&](auto& message) { on_message(*agent, message, now, out); }, event.message);
}

void Core::on(BadFrame& event, Now, Effects& out) {
  const Agent* agent = agents_.by_link(event.link);
  out.push_back(Note{Note::Level::warn, "link=" + std::to_string(event.link) + " agent=" +
                                            (agent == nullptr ? "unknown" : agent->name) +
                                            " dropped=\"" + event.problem + "\""});
}

void Core::on(LinkGone& event, Now now, Effects& out) {
  Agent* agent = agents_.by_link(event.link);
  if (agent == nullptr) return;
  lose(*agent, AgentState::lost, Ending::agent_lost, "its connection is gone", now, out);
}

void Core::refuse(LinkId link, Refusal code, std::string reason, Effects& out) {
  out.push_back(Send{link, Refused{code, std::move(reason)}});
}

std::optional<Refused> Core::hello_refusal(const std::string& key, const Hello& hello) const {
  if (common_protocol(hello.protocol, hello.oldest_protocol) == 0) {
    return Refused{Refusal::protocol_version,
                   "this master speaks protocol " + std::to_string(kOldestProtocol) + " to " +
                       std::to_string(kProtocolVersion) + ", the agent speaks " +
                       std::to_string(hello.protocol) + ": upgrade the older one"};
  }
  if (!acceptable_agent_name(hello.name)) {
    return Refused{Refusal::bad_hello,
                   "the agent's name must be 1 to 64 letters, digits, '-', '_' or '.'"};
  }
  if (!std::all_of(hello.tags.begin(), hello.tags.end(), acceptable_agent_name)) {
    return Refused{Refusal::bad_hello,
                   "the agent's tags must be 1 to 64 letters, digits, '-', '_' or '.'"};
  }
  if (!may_speak_for(key, hello.name)) {
    return Refused{Refusal::bad_hello, "this host's key is not that of " + hello.name +
                                           ": join it by a token of docket agents token"};
  }
  return std::nullopt;
}

void Core::on_hello(LinkId link, const std::string& key, Hello& hello, Now now, Effects& out) {
  if (auto refused = hello_refusal(key, hello)) {
    if (!may_speak_for(key, hello.name)) ++refused_peers_;
    refuse(link, refused->code, std::move(refused->reason), out);
    return;
  }
  const std::uint32_t protocol = common_protocol(hello.protocol, hello.oldest_protocol);
  Agent* known = agents_.by_name(hello.name);
  if (known != nullptr && known->connected()) {
    if (known->link == link && known->instance == hello.instance) {
      // It repeated its hello before our answer came; its sandbox may have changed meanwhile.
      known->heard = now.mono;
      known->heard_wall = now.wall;
      if (hello.languages != known->languages || hello.sandbox_problem != known->sandbox_problem) {
        learn_languages(*known, std::move(hello.languages), std::move(hello.sandbox_problem), out);
      }
      welcome(*known, protocol, now, out);
      return;
    }
    if (known->instance != hello.instance) {
      // Perhaps its own past life, whose connection is not yet known to be dead: this probe tells.
      send(*known, Heartbeat{now.mono}, now, out);
      refuse(link, Refusal::name_in_use,
             "another agent named " + hello.name + " is connected; give each agent its own name",
             out);
      return;
    }
  }
  Agent* before = agents_.by_link(link);
  if (before != nullptr && before != known) {
    lose(*before, AgentState::lost, Ending::agent_lost,
         "its connection took the name " + hello.name, now, out);
  }
  Agent& agent = agents_.add(hello.name);
  const bool connected_anew = std::exchange(agent.last_link, link) != link;
  agents_.bind(agent, link);
  agent.stopping = false;  // else it says so again
  agent.version = hello.version;
  if (agent.slots != hello.slots) agent.crowded.clear();
  agent.slots = hello.slots;
  agent.weight_percent = hello.weight_percent;
  agent.tags = std::move(hello.tags);
  agent.host.reset();
  agent.shortage.clear();
  if (hello.host.cores > 0) learn_host(agent, hello.host, out);
  agent.heard = now.mono;
  agent.heard_wall = now.wall;
  forget_canary(agent);
  const AgentKey* known_key = key_of(agent.name);
  if (known_key != nullptr && known_key->trust == Trust::probation) {
    agent.quarantine = Agent::Quarantine{.reason = "it has joined: canaries first",
                                         .probe_at = now.mono,
                                         .wait_ms = settings_.probe_first_ms,
                                         .untested = {},
                                         .joining = true};
  }
  settle(agent, now, out);
  learn_languages(agent, std::move(hello.languages), std::move(hello.sandbox_problem), out);
  welcome(agent, protocol, now, out);
  reconcile_held(agent, hello.held, now, out);
  agent.instance = hello.instance;  // what was taken back above belongs to the one before
  // A process knows what it runs, but for what it told us of itself; it does not know what its past
  // lives left behind, nor, when it says hello again on one connection, what was on its way there.
  std::erase_if(agent.ghosts, [&](const auto& ghost) {
    return connected_anew && !ghost.second.told && ghost.second.instance == agent.instance;
  });
  // A host on probation need not wait for the next look at all of them.
  if (agent.quarantine && agent.quarantine->joining) check_quarantine(agent, now, out);
}

void Core::welcome(Agent& agent, std::uint32_t protocol, Now now, Effects& out) {
  Welcome message;
  message.protocol = protocol;
  message.version = version_;
  message.master_ms = now.mono;
  message.heartbeat_ms = settings_.heartbeat_ms;
  message.silence_ms = settings_.silence_ms;
  send(agent, std::move(message), now, out);
}

void Core::reconcile_held(Agent& agent, const std::vector<AttemptId>& held, Now now, Effects& out) {
  // What it was given and neither holds nor has told of, whether its job still counts on it or not.
  for (const auto& [id, cputime_s] : std::exchange(agent.occupied, {})) {
    keep_slot(agent, id, cputime_s, false, now);
  }
  for (const AttemptId& id : held) {
    LiveJob* job = live(id.job);
    agent.occupied[id] = job == nullptr ? kDefaultCputimeSeconds : job->job.cputime_s;
    agent.ghosts.erase(id);
    if (job != nullptr) job->highest_seen = std::max(job->highest_seen, id.attempt);
  }
  // What we thought it was running and it does not hold was lost on the way. First, because it may
  // hold a later attempt of the same job, of which a master that died had not yet told the disk.
  take_back(agent, Ending::forgotten, "the agent came back without it", true, now, out);
  for (const AttemptId& id : held) {
    LiveJob* job = live(id.job);
    // What it has reported already, and now repeats, is not taken up again.
    const bool free = job != nullptr && job->job.state == JobState::queued &&
                      !was_reported(job->job, agent.name, id.attempt);
    if (!free && (job == nullptr || !runs_as(*job, agent.name, id.attempt))) {
      send(agent, Cancel{id}, now, out);  // it has ended, or runs elsewhere by now
      continue;
    }
    adopt(*job, agent, id.attempt, now);
    out.push_back(SaveJob{job->job});
  }
}

void Core::take_back(Agent& agent, Ending ending, const std::string& why, bool may_run_on, Now now,
                     Effects& out) {
  std::vector<JobId> lost;
  for (const auto& [id, job] : jobs_) {
    if (job.job.state != JobState::running) continue;
    const Attempt& attempt = job.job.attempts.back();
    if (attempt.agent == agent.name && !agent.occupied.contains({id, attempt.number})) {
      lost.push_back(id);
    }
  }
  for (const JobId& id : lost) {
    LiveJob& job = *live(id);
    const AttemptId attempt{id, job.job.attempts.back().number};
    if (may_run_on) keep_slot(agent, attempt, job.job.cputime_s, false, now);
    end_attempt(job, ending, why, now);
    retry(job, now, out);
  }
}

void Core::on_message(Agent&, Hello&, Now, Effects&) {
  CHECK_THAT(false);
}

void Core::on_message(Agent&, Join&, Now, Effects&) {
  CHECK_THAT(false);
}

void Core::on_message(Agent&, Leave&, Now, Effects&) {
  CHECK_THAT(false);
}

void Core::on_message(Agent&, Heartbeat&, Now, Effects&) {}

void Core::on_message(Agent& agent, SandboxReport& message, Now, Effects& out) {
  learn_languages(agent, std::move(message.languages), std::move(message.sandbox_problem), out);
}

void Core::on_message(Agent& agent, HostReport& message, Now now, Effects& out) {
  if (message.wall_ms != 0) agent.clock_offset_ms = message.wall_ms - now.wall;
  learn_host(agent, message, out);
}

void Core::learn_host(Agent& agent, const HostReport& message, Effects& out) {
  agent.host = message;
  std::string shortage = shortage_of(message, settings_);
  if (shortage.empty() != agent.shortage.empty()) {
    out.push_back(
        Note{shortage.empty() ? Note::Level::info : Note::Level::warn,
             "agent=" + agent.name + " short=" +
                 (shortage.empty() ? std::string("no") : "yes reason=\"" + shortage + "\"")});
  }
  agent.shortage = std::move(shortage);
}

void Core::on_message(Agent& agent, NeedChunk& message, Now now, Effects& out) {
  const LiveJob* job = live(message.id.job);
  const bool its_own =
      job != nullptr && runs_as(*job, agent.name, message.id.attempt) &&
      std::find(job->job.files.begin(), job->job.files.end(), message.file) != job->job.files.end();
  if (!its_own) {
    send(agent, FileAbsent{message.id, std::move(message.file)}, now, out);
    return;
  }
  out.push_back(SendChunk{agent.link, message.id, std::move(message.file), message.offset});
}

void Core::on_message(Agent& agent, Finished& message, Now now, Effects& out) {
  if (hold_back(agent, message, now, out)) return;
  conclude(agent, message, now, out);
}

void Core::conclude(Agent& agent, Finished& message, Now now, Effects& out) {
  const auto held = agent.occupied.find(message.id);
  const std::uint32_t cputime_s =
      held == agent.occupied.end() ? kDefaultCputimeSeconds : held->second;
  if (held != agent.occupied.end()) agent.occupied.erase(held);
  agent.ghosts.erase(message.id);
  // Nobody waits for the sandbox any more, but its program may run on; in every other case the
  // sandbox is done with it.
  const bool abandoned = message.ending == Ending::cut || message.ending == Ending::timed_out;
  if (abandoned) keep_slot(agent, message.id, cputime_s, true, now);
  if (is_canary(message.id.job)) {
    send(agent, Taken{message.id}, now, out);
    on_canary(agent, message, now, out);
    return;
  }
  LiveJob* job = live(message.id.job);
  if (job == nullptr || !runs_as(*job, agent.name, message.id.attempt)) {
    // Of a cancelled run nothing was expected but this word.
    if (message.ending != Ending::cancelled) ++late_results_;
    out.push_back(Note{Note::Level::info, "job=" + message.id.job.text() +
                                              " attempt=" + std::to_string(message.id.attempt) +
                                              " agent=" + agent.name + " late_result=dropped"});
    if (job != nullptr) {
      for (Attempt& attempt : job->job.attempts) {
        if (attempt.agent == agent.name && attempt.number == message.id.attempt) {
          attempt.late_answer = now.wall;
        }
      }
    }
    // Perhaps it repeats a result whose commit is still to come.
    send(agent, Taken{message.id}, now, out, true);
    return;
  }
  Attempt& attempt = job->job.attempts.back();
  attempt.http_status = message.http_status;
  attempt.outcome = message.outcome;
  attempt.push_ms = message.push_ms;
  attempt.run_ms = message.run_ms;
  end_attempt(*job, message.ending, describe(message), now);
  Verdict verdict = judge(message, by_clock_ms(*job, agent, message));
  learn_least(agent, job->job.language, message);
  if (verdict == Verdict::doubtful && !may_doubt(*job)) verdict = Verdict::answer;
  if (verdict == Verdict::answer ||
      (verdict == Verdict::elsewhere && own_fault(*job, agent, message))) {
    if (verdict == Verdict::answer) record_good(agent, *job, out);
    ++agent.finished;
    learn_duration(job->job.language, message.run_ms);
    // It answered instead of asking for them.
    for (const std::string& file : job->job.files) agent.files.add(file);
    const int status = message.ending == Ending::rejected ? 400 : 200;
    finish(*job, JobState::done, status, message.outcome,
           std::make_shared<const std::string>(std::move(message.body)), now, out);
  } else if (verdict == Verdict::doubtful) {
    doubt(*job, agent, message, now, out);
  } else {
    if (verdict == Verdict::elsewhere) {
      record_fault(agent, job->program, describe(message), now, out);
    }
    retry(*job, now, out);
  }
  send(agent, Taken{message.id}, now, out, true);
}

void Core::on_message(Agent& agent, Draining&, Now now, Effects& out) {
  agent.stopping = true;
  set_state(agent, AgentState::draining, "the agent is stopping", now, out);
}

void Core::on_message(Agent& agent, Bye&, Now now, Effects& out) {
  // It holds nothing: what was on its way to it was never begun.
  lose(agent, AgentState::left, Ending::forgotten, "it said goodbye", now, out);
}

void Core::settle(Agent& agent, Now now, Effects& out) {
  if (agent.hold == Hold::cordon) {
    set_state(agent, AgentState::cordoned, agent.hold_reason, now, out);
  } else if (agent.hold == Hold::drain) {
    const bool empty = agent.slots_taken() == 0;
    set_state(agent, empty ? AgentState::drained : AgentState::draining, agent.hold_reason, now,
              out);
  } else if (agent.quarantine) {
    set_state(agent, AgentState::quarantined, agent.quarantine->reason, now, out);
  } else {
    set_state(agent, AgentState::active, "", now, out);
  }
}

void Core::on(HoldAgent& event, Now now, Effects& out) {
  Agent* agent = agents_.by_name(event.name);
  CommandDone done{event.reply_to, std::nullopt};
  if (agent == nullptr) {
    done.error = Error{ErrorCode::not_found, "there is no agent named " + event.name};
  } else if (auto refused = cannot_save()) {
    done.error = std::move(refused);
  } else {
    agent->hold = event.hold;
    agent->hold_reason = std::move(event.reason);
    agent->hold_deadline = event.deadline_s ? now.mono + MonoMs{1'000} * *event.deadline_s : kNever;
    if (event.hold == Hold::none) {
      agent->quarantine.reset();
      agent->health.clear();
      agent->degraded.clear();
      agent->crowded.clear();
      trust(*agent, out);
    }
    // One that is stopping by itself goes on with that.
    const bool stops = agent->state == AgentState::draining && agent->stopping;
    if (agent->connected() && !stops) settle(*agent, now, out);
    out.push_back(SaveAgent{agent->record()});
  }
  out.push_back(std::move(done));
}

void Core::evict(Agent& agent, Now now, Effects& out) {
  agent.hold_deadline = kNever;
  std::vector<JobId> there;
  for (const auto& [id, job] : jobs_) {
    if (job.job.state == JobState::running && job.job.attempts.back().agent == agent.name) {
      there.push_back(id);
    }
  }
  for (const JobId& id : there) {
    LiveJob& job = *live(id);
    send(agent, Cancel{{id, job.job.attempts.back().number}}, now, out);
    end_attempt(job, Ending::evicted, "its host was drained: " + agent.hold_reason, now);
    retry(job, now, out);
  }
}

void Core::set_state(Agent& agent, AgentState state, std::string reason, Now now, Effects& out) {
  if (agent.state == state && agent.reason == reason) return;
  agent.state = state;
  agent.reason = std::move(reason);
  agent.since = now.wall;
  const bool good =
      state != AgentState::suspect && state != AgentState::quarantined && state != AgentState::lost;
  out.push_back(Note{good ? Note::Level::info : Note::Level::warn,
                     "agent=" + agent.name + " state=" + std::string(agent_state_name(state)) +
                         (agent.reason.empty() ? "" : " reason=\"" + agent.reason + "\"")});
}

void Core::learn_languages(Agent& agent, std::vector<Language> languages, std::string problem,
                           Effects& out) {
  if (problem != agent.sandbox_problem) {
    out.push_back(Note{problem.empty() ? Note::Level::info : Note::Level::warn,
                       "agent=" + agent.name +
                           (problem.empty() ? std::string(" sandbox=well")
                                            : " sandbox=down reason=\"" + problem + "\"")});
    agent.sandbox_problem = std::move(problem);
  }
  for (const auto& language : languages) known_languages_.insert(language.id);
  agent.languages = std::move(languages);
  // A sandbox that is down keeps its record: its languages stay known over a restart.
  if (!agent.languages.empty()) out.push_back(SaveAgent{agent.record()});
}

void Core::lose(Agent& agent, AgentState state, Ending ending, const std::string& reason, Now now,
                Effects& out) {
  agents_.unbind(agent);
  forget_canary(agent);
  const bool may_run_on = ending != Ending::forgotten;
  for (const auto& [id, cputime_s] : std::exchange(agent.occupied, {})) {
    if (may_run_on) keep_slot(agent, id, cputime_s, false, now);
  }
  set_state(agent, state, reason, now, out);
  take_back(agent, ending, reason, may_run_on, now, out);
}

void Core::check_agents(Now now, Effects& out) {
  for (auto& [name, agent] : agents_.all()) {
    std::erase_if(agent.ghosts, [&](const auto& ghost) { return ghost.second.until <= now.mono; });
    if (!agent.connected()) continue;
    const MonoMs silent = now.mono - agent.heard;
    if (silent >= settings_.silence_ms) {
      lose(agent, AgentState::lost, Ending::agent_lost,
           "silent for " + std::to_string(silent / 1000) + " s", now, out);
      continue;
    }
    check_quarantine(agent, now, out);
    go_on_testing(agent, now, out);
    check_crowd(agent, now, out);
    if (agent.state == AgentState::draining && !agent.stopping) {
      if (now.mono >= agent.hold_deadline) evict(agent, now, out);
      settle(agent, now, out);
    }
    if (silent >= settings_.suspect_ms && agent.state == AgentState::active) {
      set_state(agent, AgentState::suspect, "a heartbeat is missing", now, out);
    }
    if (now.mono - agent.sent >= settings_.heartbeat_ms) {
      send(agent, Heartbeat{now.mono}, now, out);
    }
  }
}

void Core::send(Agent& agent, ToAgent message, Now now, Effects& out, bool after_commit) {
  if (!agent.connected()) return;
  agent.sent = now.mono;
  out.push_back(Send{agent.link, std::move(message), after_commit});
}

}  // namespace docket
