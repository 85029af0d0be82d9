#include "tests/sim/audit_runs.h"

#include <algorithm>
#include <utility>

namespace docket::sim {
namespace {

constexpr const char* kMark = "execution ";

}  // namespace

RunAudit::RunAudit(World& world, const Plan& plan)
    : world_(world), plan_(plan), running_(plan.hosts.size()), changed_(plan.hosts.size()) {}

Execution& RunAudit::begins(HostIndex host, const AttemptId& attempt, const Program* program,
                            bool runs) {
  Execution& execution = executions_.emplace_back();
  execution.number = executions_.size();
  execution.host = host;
  execution.attempt = attempt;
  execution.program = program;
  execution.master_life = master_life_;
  execution.running = runs;
  execution.began = world_.now();
  const HostPlan& plan = plan_.hosts[host];
  if (program != nullptr) {
    require(serves(plan_, plan, program->language, program->tags),
            "placement: a run goes where its language is, its key's tags and its pins",
            program->language + " was run on " + plan.name);
  }
  if (!runs) return execution;
  std::size_t waited_for = 0;
  std::size_t orphans = 0;
  std::string which;
  for (const std::uint64_t number : running_[host]) {
    const Execution& other = executions_[number - 1];
    which += " " + std::to_string(number);
    if (!other.orphan) ++waited_for;
    // What a dead agent left behind is known to the master that saw it die, and to no later one.
    if (other.orphan && other.master_life == master_life_) ++orphans;
  }
  running_[host].push_back(execution.number);
  require(waited_for + orphans < plan.slots, "slots: no sandbox is given more than it has slots",
          plan.name + " has " + std::to_string(plan.slots) + " slots, and " +
              std::to_string(waited_for + orphans + 1) + " programs run, " +
              std::to_string(orphans) + " of them abandoned: executions" + which);
  return execution;
}

void RunAudit::ends(std::uint64_t number) {
  Execution& execution = executions_[number - 1];
  execution.running = false;
  std::erase(running_[execution.host], number);
}

void RunAudit::lost_power(HostIndex host) {
  for (const std::uint64_t number : std::exchange(running_[host], {})) {
    executions_[number - 1].running = false;
  }
}

bool RunAudit::lost_unnoticed(const AttemptId& attempt) const {
  return std::any_of(executions_.rbegin(), executions_.rend(), [&](const Execution& execution) {
    return execution.attempt == attempt && execution.muted &&
           changed_[execution.host] > execution.began;
  });
}

const Execution* RunAudit::source_of(const std::string& output) const {
  const auto mark = output.find(kMark);
  if (mark == std::string::npos) return nullptr;
  const std::uint64_t number = std::stoull(output.substr(mark + 10, 20));
  require(number >= 1 && number <= executions_.size(), "results: nothing is made up",
          "there was no execution " + std::to_string(number));
  return &executions_[number - 1];
}

}  // namespace docket::sim
