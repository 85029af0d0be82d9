// The auditor's book of the jobs, kept from what the master gives its disk, what agents told it,
// and what ran: results are fenced, attempts bounded, every ending true, every lease finite,
// nothing final changed. Owned by the simulation.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "master/core/snapshot.h"
#include "tests/sim/audit_runs.h"
#include "tests/sim/disk.h"

namespace docket::sim {

// What an attempt's end, other than an answer, says about its host, by the design's third promise.
bool ends_by_host(Ending ending);

class JobAudit {
 public:
  JobAudit(World& world, const Plan& plan, const Programs& programs, const RunAudit& runs,
           const Network& network, const Disk& disk);

  // A lease there has ended without a word.
  std::function<void(HostIndex, const AttemptId&)> on_overdue;

  void master_started();
  void hears(HostIndex host, LinkId link, const ToMaster& message);
  void welcomes(HostIndex host, LinkId link);
  void assigns(HostIndex host, LinkId link, const Assign& order);
  void takes(HostIndex host, const AttemptId& id) const;
  void saves(const Job& job);
  void shows(const Snapshot& snapshot);
  void committed(const Job& job);
  void deleted(const JobId& id);
  // Clients and operators.
  void submitted(const JobId& id) { known_[id].submitted = world_.now(); }
  void unwanted(const JobId& id) { known_[id].unwanted = true; }  // left, or asked to be gone
  bool is_unwanted(const JobId& id) const;
  void evicts(HostIndex host, MonoMs at) { hosts_[host].evicted_at.push_back(at); }
  // Once a second.
  void check_leases() const;
  void check_end() const;

 private:
  struct Order {  // one attempt, as it was sent or adopted
    LinkId link = 0;
    MonoMs assigned = 0;
    MonoMs due = 0;  // its lease and the margin
  };
  using Try = std::pair<std::string, std::uint32_t>;  // agent, attempt
  struct Known {
    MonoMs submitted = 0;
    bool unwanted = false;
    bool final_on_disk = false;
    JobState state = JobState::queued;
    Try current;            // while it runs
    bool restored = false;  // and not heard of since the master came back
    std::set<Try> ended;    // as last saved
    std::map<Try, Order> orders;
    std::set<std::pair<Try, Ending>> told;  // by agents
  };
  struct Host {
    LinkId link = 0;   // on which it was welcomed and is not yet lost
    MonoMs heard = 0;  // on that
    MonoMs welcomed = -1;
    MonoMs bye = -1;
    std::set<AttemptId> held;  // in the hello that was last welcomed
    std::map<LinkId, std::set<AttemptId>> hellos;
    std::vector<MonoMs> evicted_at;
    std::set<AttemptId> silent;  // answered with nothing, since: a canary is to prove it
  };

  // A canary may take its lease, and another may be before it.
  void give_time_to_prove(HostIndex host);
  void check_attempts(const Job& job, Known& known);
  void check_ending(const Job& job, const Attempt& attempt, const Known& known) const;
  void check_done(const Job& job) const;
  bool counts(const Job& job, const Attempt& attempt) const;
  const std::string& name(HostIndex host) const { return plan_.hosts[host].name; }
  HostIndex index_of(const std::string& name) const;

  World& world_;
  const Plan& plan_;
  const Programs& programs_;
  const RunAudit& runs_;
  const Network& network_;
  const Disk& disk_;
  MonoMs master_started_ = 0;
  std::unordered_map<JobId, Known> known_;
  std::set<JobId> running_;
  std::vector<Host> hosts_;
  std::unordered_map<std::string, HostIndex> indices_;
  std::map<std::pair<std::string, std::string>, std::set<JobId>> named_;  // on the disk
};

}  // namespace docket::sim
