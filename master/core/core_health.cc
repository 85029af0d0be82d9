// Sick hosts: noticed by their faults, and taken out.
#include <algorithm>

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

bool Core::last_of_a_language(const Agent& agent) const {
  return std::any_of(agent.languages.begin(), agent.languages.end(), [&](const Language& l) {
    return std::none_of(agents_.all().begin(), agents_.all().end(), [&](const auto& entry) {
      const Agent& other = entry.second;
      return &other != &agent && other.takes_work() && other.shortage.empty() && other.has(l.id);
    });
  });
}

void Core::judge_health(Agent& agent, const std::string& what, Now now, Effects& out) {
  if (agent.quarantine || !agent.health.sick()) return;
  if (last_of_a_language(agent)) {
    if (agent.degraded.empty()) {
      out.push_back(
          Note{Note::Level::warn, "agent=" + agent.name + " degraded=yes reason=\"" + what + "\""});
    }
    agent.degraded = what;
    return;
  }
  agent.degraded.clear();
  agent.quarantine = Agent::Quarantine{.reason = what,
                                       .probe_at = now.mono + settings_.probe_first_ms,
                                       .wait_ms = MonoMs{settings_.probe_first_ms} * 2,
                                       .untested = {}};
  if (agent.state == AgentState::active || agent.state == AgentState::suspect) {
    set_state(agent, AgentState::quarantined, what, now, out);
  }
}

void Core::check_quarantine(Agent& agent, Now now, Effects& out) {
  // It was spared as the last of a language, and perhaps is so no longer.
  if (!agent.degraded.empty() && agent.takes_work()) {
    judge_health(agent, agent.degraded, now, out);
  }
  if (agent.canary && now.mono >= agent.canary->until) {
    end_canary(agent, "it gave no answer", now, out);
  }
  if (agent.state != AgentState::quarantined || agent.canary || agent.languages.empty()) return;
  if (now.mono < agent.quarantine->probe_at || agent.slots_taken() >= agent.slots) return;
  begin_probe(agent, now, out);
}

}  // namespace docket
