// The auditor's book of what really ran in the sandboxes. Each execution has a number that stands
// in its output, so that a result can be traced to where, and as which attempt, it was made. Checks
// that no sandbox is ever given more than it has slots. Owned by the simulation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/network.h"
#include "tests/sim/plan.h"
#include "tests/sim/programs.h"

namespace docket::sim {

struct Execution {
  std::uint64_t number = 0;
  HostIndex host = 0;
  AttemptId attempt;
  const Program* program = nullptr;  // none: a canary
  std::uint64_t master_life = 0;     // in which it began
  bool running = true;
  bool orphan = false;      // nobody waits for its answer any more
  bool host_fault = false;  // what it answers says nothing about the program
  bool muted = false;       // its output is lost
  MonoMs began = 0;
};

class RunAudit {
 public:
  RunAudit(World& world, const Plan& plan);

  // A sandbox took a run. One that it does not really run takes no place in it.
  Execution& begins(HostIndex host, const AttemptId& attempt, const Program* program, bool runs);
  void ends(std::uint64_t number);
  // Who posted it has hung up; it runs on.
  void orphaned(std::uint64_t number) { executions_[number - 1].orphan = true; }
  // All that ran there is gone.
  void lost_power(HostIndex host);
  void master_died() { ++master_life_; }
  // The sandbox falls sick or is well again.
  void changed(HostIndex host) { changed_[host] = world_.now(); }

  // The one whose output this is; nullptr when it is no sandbox's output.
  const Execution* source_of(const std::string& output) const;
  // The attempt's output was lost, and its sandbox prints again since: nobody can tell the answer
  // from a program's that prints nothing.
  bool lost_unnoticed(const AttemptId& attempt) const;
  std::uint64_t count() const { return executions_.size(); }

 private:
  World& world_;
  const Plan& plan_;
  std::uint64_t master_life_ = 0;
  std::vector<Execution> executions_;
  std::vector<std::vector<std::uint64_t>> running_;  // by host
  std::vector<MonoMs> changed_;                      // by host
};

}  // namespace docket::sim
