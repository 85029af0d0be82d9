// The auditor's book of the hosts: who may be given work, how much is out to whom, and who is taken
// out for its faults. Knows the wire, the operators' orders and the published state. Owned by the
// simulation.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "master/core/snapshot.h"
#include "tests/sim/network.h"
#include "tests/sim/plan.h"

namespace docket::sim {

class HostAudit {
 public:
  HostAudit(World& world, const Plan& plan)
      : world_(world), plan_(plan), hosts_(plan.hosts.size()) {}

  void master_started();
  void hears(HostIndex host, LinkId link, const ToMaster& message);
  void welcomes(HostIndex host, LinkId link);
  void assigns(HostIndex host, const Assign& order);
  // A job's attempt there was ended by its lease.
  void overdue(HostIndex host, const AttemptId& id);
  void shows(const Snapshot& snapshot);
  // An operator orders something of it, and is told that it holds now, or not.
  void asks(HostIndex host) {
    hosts_[host].held = false;
    hosts_[host].asked = hosts_[host].may_be_let_out = true;
  }
  void told(HostIndex host, bool held) {
    hosts_[host].held = held;
    hosts_[host].asked = false;
  }
  std::uint64_t quarantines() const { return quarantines_; }

 private:
  struct Said {  // in a hello
    std::uint32_t slots = 0;
    std::set<AttemptId> held;
    bool is_short = false;
  };
  struct Host {
    LinkId link = 0;  // on which it was welcomed and is not yet lost
    std::uint32_t slots = 0;
    std::map<LinkId, Said> hellos;
    std::set<AttemptId> out;                 // given to it and not heard of
    std::map<AttemptId, std::string> given;  // bodies
    std::set<std::string> faulty;  // those that may have ended by its fault, since it was let in
    bool is_short = false;         // of memory, it told
    bool held = false;
    bool leaving = false;         // it said so itself
    bool asked = false;           // an order is under way
    bool may_be_let_out = false;  // of quarantine, by an operator
    bool canary_good = false;
    MonoMs canary_due = kNever;  // by then the master counts on no answer of its last canary
    AgentState state = AgentState::lost;
  };

  void check_quarantine(const AgentView& view, const Snapshot& snapshot, Host& host);
  bool is_short(const HostReport& report) const;
  // For one of its languages, and what some key requires, there is no other host that `helps`.
  template <class Helps>
  bool is_last(const AgentView& view, const Snapshot& snapshot, Helps helps) const;
  HostIndex index_of(const std::string& name) const;

  World& world_;
  const Plan& plan_;
  std::vector<Host> hosts_;
  std::uint64_t quarantines_ = 0;
};

}  // namespace docket::sim
