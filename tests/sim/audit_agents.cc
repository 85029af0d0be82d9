#include "tests/sim/audit_agents.h"

#include <algorithm>

#include "protocol/base/overloaded.h"

namespace docket::sim {
namespace {

std::string text(const AttemptId& id) {
  return id.job.text() + " attempt " + std::to_string(id.attempt);
}

}  // namespace

void AgentAudit::started(HostIndex host, const std::set<AttemptId>& on_disk) {
  agents_[host] = {};
  for (const AttemptId& id : on_disk) {
    Owed& owed = agents_[host].owed[id];
    owed.told = owed.spooled = owed.posted = true;
  }
}

void AgentAudit::hears(HostIndex host, const ToAgent& message, MonoMs ahead) {
  Agent& agent = agents_[host];
  const auto clock = [&](MonoMs master_ms) {
    agent.clock_words.emplace_back(world_.now(), world_.now() - (master_ms - ahead));
    // The agent keeps the best of the last one to two minutes; one is certain.
    while (agent.clock_words.front().first < world_.now() - 60'000) agent.clock_words.pop_front();
  };
  std::visit(Overloaded{
                 [&](const Welcome& welcome) {
                   agent.linked = true;
                   agent.clock_words.clear();
                   clock(welcome.master_ms);
                 },
                 [&](const Refused&) { agent.linked = false; },
                 [&](const Heartbeat& heartbeat) { clock(heartbeat.sender_ms); },
                 [&](const Assign& order) {
                   const auto [owed, fresh] = agent.owed.try_emplace(order.id);
                   if (!fresh || agent.clock_words.empty()) return;
                   const MonoMs expired = order.expires_ms - ahead;
                   owed->second.late = world_.now() - expired - clock_error(agent);
                 },
                 [](const FileChunk&) {}, [](const FileAbsent&) {},
                 [&](const Taken& taken) {
                   const auto owed = agent.owed.find(taken.id);
                   if (owed != agent.owed.end() && owed->second.told) agent.owed.erase(owed);
                 },
                 [](const Cancel&) {}, [](const Standing&) {},  // nobody joins
             },
             message);
}

void AgentAudit::says(HostIndex host, const ToMaster& message) {
  Agent& agent = agents_[host];
  if (const auto* finished = std::get_if<Finished>(&message)) {
    const auto owed = agent.owed.find(finished->id);
    if (owed != agent.owed.end()) owed->second.told = true;
  }
  const auto* hello = std::get_if<Hello>(&message);
  if (hello == nullptr) return;
  agent.linked = false;
  const std::set<AttemptId> held(hello->held.begin(), hello->held.end());
  for (const auto& [id, owed] : agent.owed) {
    require(held.contains(id), "taken: an agent keeps an attempt until the master has taken it",
            plan_.hosts[host].name + " says hello and has forgotten " + text(id));
  }
}

MonoMs AgentAudit::clock_error(const Agent& agent) const {
  MonoMs error = kNever;
  for (const auto& [when, late] : agent.clock_words) error = std::min(error, late);
  return error;
}

void AgentAudit::posts(HostIndex host, const AttemptId& id) {
  Agent& agent = agents_[host];
  const auto found = agent.owed.find(id);
  require(found != agent.owed.end(), "taken: an agent runs only what it was given", text(id));
  if (std::exchange(found->second.posted, true)) return;  // it has waited for files
  require(found->second.late <= 1, "expiry: an assignment that came too late is not started",
          plan_.hosts[host].name + " starts " + text(id) + ", " +
              std::to_string(found->second.late) + " ms later than it may think in time");
}

void AgentAudit::spools(HostIndex host, const AttemptId& id) {
  const auto owed = agents_[host].owed.find(id);
  if (owed != agents_[host].owed.end()) owed->second.told = owed->second.spooled = true;
}

void AgentAudit::unspools(HostIndex host, const AttemptId& id) {
  require(!agents_[host].owed.contains(id),
          "taken: an agent keeps an attempt until the master has taken it",
          plan_.hosts[host].name + " deletes its result of " + text(id));
}

void AgentAudit::ends_turn(HostIndex host) const {
  const Agent& agent = agents_[host];
  if (agent.linked) return;
  for (const auto& [id, owed] : agent.owed) {
    require(!owed.told || owed.spooled, "spool: without a master a result is on the agent's disk",
            plan_.hosts[host].name + " has " + text(id) + " in memory only");
  }
}

}  // namespace docket::sim
