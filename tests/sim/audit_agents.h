// The auditor's book of what each agent owes the master: every attempt it was given, until Taken;
// and whether it starts what came too late. Knows only what passed over the wire, to the sandbox
// and to the agent's disk. Owned by the simulation.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/messages.h"
#include "tests/sim/network.h"
#include "tests/sim/plan.h"

namespace docket::sim {

class AgentAudit {
 public:
  AgentAudit(World& world, const Plan& plan)
      : world_(world), plan_(plan), agents_(plan.hosts.size()) {}

  void started(HostIndex host, const std::set<AttemptId>& on_disk);
  // In the turn in which its core is told. The clock of the master that said it is so far `ahead`
  // of the world's.
  void hears(HostIndex host, const ToAgent& message, MonoMs ahead);
  void says(HostIndex host, const ToMaster& message);
  void hangs_up(HostIndex host) { agents_[host].linked = false; }
  void posts(HostIndex host, const AttemptId& id);
  void spools(HostIndex host, const AttemptId& id);
  void unspools(HostIndex host, const AttemptId& id);
  void ends_turn(HostIndex host) const;

 private:
  struct Owed {
    MonoMs late = 0;    // after its expiry, beyond what it can err about the master's clock
    bool told = false;  // its end was said, or written down
    bool spooled = false;
    bool posted = false;
  };
  struct Agent {
    bool linked = false;  // welcomed, as far as it can know
    std::map<AttemptId, Owed> owed;
    std::deque<std::pair<MonoMs, MonoMs>> clock_words;  // when, and how late, on this connection
  };

  MonoMs clock_error(const Agent& agent) const;

  World& world_;
  const Plan& plan_;
  std::vector<Agent> agents_;
};

}  // namespace docket::sim
