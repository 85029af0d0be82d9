// Sick hosts: noticed by their faults, taken out, probed with canaries, let back.
#include <algorithm>

#include "master/core/canary.h"
#include "master/core/core.h"
#include "master/core/verdict.h"
#include "protocol/base/check.h"

namespace docket {

void Core::record_good(Agent& agent, const LiveJob& job, Effects& out) {
  agent.health.good(job.program);
  if (agent.degraded.empty() || agent.health.sick()) return;
  agent.degraded.clear();
  out.push_back(Note{Note::Level::info, "agent=" + agent.name + " degraded=no"});
}

void Core::record_fault(Agent& agent, const LiveJob& job, const std::string& what, Now now,
                        Effects& out) {
  ++agent.host_faults;
  agent.health.fault(job.program);
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
                                       .untested = {},
                                       .canary = {}};
  if (agent.state == AgentState::active || agent.state == AgentState::suspect) {
    set_state(agent, AgentState::quarantined, what, now, out);
  }
}

void Core::check_quarantine(Agent& agent, Now now, Effects& out) {
  // It was spared as the last of a language, and perhaps is so no longer.
  if (!agent.degraded.empty() && agent.takes_work()) {
    judge_health(agent, agent.degraded, now, out);
  }
  if (!agent.quarantine) return;
  if (agent.state == AgentState::probing && now.mono >= agent.quarantine->canary_by) {
    end_probe(agent, "it gave no answer", now, out);
  }
  if (agent.state != AgentState::quarantined || agent.languages.empty()) return;
  if (now.mono < agent.quarantine->probe_at || agent.slots_taken() >= agent.slots) return;
  agent.quarantine->untested.clear();
  for (const Language& language : agent.languages) {
    if (!canary_body(language.id).empty()) agent.quarantine->untested.push_back(language.id);
  }
  set_state(agent, AgentState::probing, agent.quarantine->reason, now, out);
  send_canary(agent, now, out);
}

void Core::send_canary(Agent& agent, Now now, Effects& out) {
  Agent::Quarantine& quarantine = *agent.quarantine;
  if (quarantine.untested.empty()) {
    agent.quarantine.reset();
    agent.health.clear();
    settle(agent, now, out);
    return;
  }
  // Unlike a past one, even of an earlier life of this master.
  const auto serial = static_cast<std::uint64_t>(now.wall) << 16 | (++canaries_ & 0xffff);
  const std::uint32_t lease = lease_ms(settings_, kCanaryCputimeSeconds);
  quarantine.canary = {{0, serial}, 1};
  quarantine.canary_by = now.mono + lease + settings_.lease_margin_ms;
  agent.occupied.emplace(quarantine.canary, kCanaryCputimeSeconds);
  Assign order;
  order.id = quarantine.canary;
  order.expires_ms = now.mono + settings_.assign_expiry_ms;
  order.lease_ms = lease;
  order.language = quarantine.untested.back();
  order.body = canary_body(order.language);
  send(agent, std::move(order), now, out);
}

void Core::on_canary(Agent& agent, const Finished& finished, Now now, Effects& out) {
  if (!agent.quarantine || finished.id != agent.quarantine->canary) return;
  if (agent.state != AgentState::probing) return;
  const std::string problem = canary_problem(finished);
  if (!problem.empty()) {
    end_probe(agent, "canary in " + agent.quarantine->untested.back() + ": " + problem, now, out);
    return;
  }
  agent.quarantine->untested.pop_back();
  send_canary(agent, now, out);
}

void Core::end_probe(Agent& agent, const std::string& problem, Now now, Effects& out) {
  Agent::Quarantine& quarantine = *agent.quarantine;
  agent.occupied.erase(quarantine.canary);  // if it gave no answer, its lease has passed
  quarantine.canary = {};
  quarantine.reason = problem;
  quarantine.probe_at = now.mono + quarantine.wait_ms;
  quarantine.wait_ms = std::min<MonoMs>(quarantine.wait_ms * 2, settings_.probe_last_ms);
  set_state(agent, AgentState::quarantined, problem, now, out);
}

}  // namespace docket
