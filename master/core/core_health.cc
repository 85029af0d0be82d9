// Sick hosts: noticed by their faults, and taken out.
#include <algorithm>
#include <set>

#include "master/core/core.h"

namespace docket {

void Core::record_good(Agent& agent, const LiveJob& job, Effects& out) {
  agent.health.good(job.program);
  if (agent.degraded.empty() || agent.health.sick()) return;
  agent.degraded.clear();
  out.push_back(Note{Note::Level::info, "agent=" + agent.name + " degraded=no"});
}

void Core::record_fault(Agent& agent, Program program, const std::string& what, Now now,
                        Effects& out) {
  ++agent.host_faults;
  ++counters_.host_faults;
  agent.health.fault(program);
  judge_health(agent, what, now, out);
}

bool Core::own_fault(LiveJob& job, Agent& agent, const Finished& finished) {
  // Overload is never the program's; without a body there is nothing to answer.
  if (finished.ending != Ending::ran ||
      finished.outcome == static_cast<std::uint32_t>(Outcome::overload)) {
    return false;
  }
  const std::string kind = std::to_string(finished.outcome) + " " + finished.fault_signature;
  const bool here = agent.health.vouches_against(job.program);
  for (const auto& [name, past] : job.faults) {
    Agent* other = agents_.by_name(name);
    if (name == agent.name || past != kind || other == nullptr) continue;
    if (!here || other->quarantine || !other->health.vouches_against(job.program)) continue;
    other->health.absolve(job.program);
    agent.health.absolve(job.program);
    return true;
  }
  job.faults[agent.name] = kind;
  return false;
}

bool Core::last_of_a_language(const Agent& agent, bool suspects_serve) const {
  static const std::vector<std::string> kNone;
  std::set<std::vector<std::string>> wishes = {kNone};
  for (const auto& [name, key] : keys_) wishes.insert(key.tags);
  const auto serves = [&](const Agent& host, const std::string& language, const auto& tags) {
    static const std::string kNowhere;
    return !is_unfit(obstacle(host, {language, tags, kNone, kNone, kNowhere}, settings_));
  };
  const auto others_serve = [&](const std::string& language, const auto& tags) {
    return std::any_of(agents_.all().begin(), agents_.all().end(), [&](const auto& entry) {
      const Agent& other = entry.second;
      const bool there =
          other.takes_work() || (suspects_serve && other.state == AgentState::suspect);
      return &other != &agent && there && other.shortage.empty() && serves(other, language, tags);
    });
  };
  for (const Language& language : agent.languages) {
    for (const auto& tags : wishes) {
      if (serves(agent, language.id, tags) && !others_serve(language.id, tags)) return true;
    }
  }
  return false;
}

void Core::degrade(Agent& agent, const std::string& why, Effects& out) {
  if (agent.degraded.empty()) {
    out.push_back(
        Note{Note::Level::warn, "agent=" + agent.name + " degraded=yes reason=\"" + why + "\""});
  }
  agent.degraded = why;
}

void Core::judge_health(Agent& agent, const std::string& what, Now now, Effects& out) {
  if (agent.quarantine || !agent.health.sick()) return;
  if (last_of_a_language(agent, false)) {
    degrade(agent, what, out);
    return;
  }
  agent.degraded.clear();
  agent.quarantine = Agent::Quarantine{.reason = what,
                                       .probe_at = now.mono + settings_.probe_first_ms,
                                       .wait_ms = MonoMs{settings_.probe_first_ms} * 2,
                                       .untested = {},
                                       .joining = false};
  if (agent.state == AgentState::active || agent.state == AgentState::suspect) {
    set_state(agent, AgentState::quarantined, what, now, out);
  }
}

void Core::check_quarantine(Agent& agent, Now now, Effects& out) {
  // It was spared as the last of a language, and perhaps is so no longer.
  if (!agent.degraded.empty() && agent.takes_work()) {
    judge_health(agent, std::string(agent.degraded), now, out);
  }
  // One that missed a heartbeat is back in a moment, or lost in another.
  if (agent.quarantine && !agent.quarantine->joining && agent.connected() &&
      last_of_a_language(agent, true)) {
    degrade(agent, agent.quarantine->reason, out);
    agent.quarantine.reset();
    const bool out_by_it =
        agent.state == AgentState::quarantined || agent.state == AgentState::probing;
    if (out_by_it) settle(agent, now, out);
  }
  if (!agent.canary) prove_output(agent, now, out);
  if (agent.canary && now.mono >= agent.canary->until) {
    end_canary(agent, "it gave no answer", now, out);
  }
  if (agent.state != AgentState::quarantined || agent.canary || agent.languages.empty()) return;
  if (now.mono < agent.quarantine->probe_at || agent.slots_taken() >= agent.slots) return;
  begin_probe(agent, now, out);
}

}  // namespace docket
