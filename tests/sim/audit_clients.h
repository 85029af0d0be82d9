// The auditor's book of what clients were told: once each, on disk before it is said, the same for
// ever, and theirs. Owned by the simulation.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "tests/sim/audit_jobs.h"

namespace docket::sim {

// One open HTTP request, as its client knows it.
struct Asked {
  enum class Kind { run, watch, remove };
  Kind kind = Kind::run;
  JobId job;
  const Program* program = nullptr;
  Patience patience;
  std::string key;
  std::string name;  // its idempotency key
};

class ClientAudit {
 public:
  ClientAudit(const RunAudit& runs, const JobAudit& jobs, const Disk& disk)
      : runs_(runs), jobs_(jobs), disk_(disk) {}

  void answered(const Asked& asked, const Answer& answer);
  // What the store says of a job, at any time.
  void reads(const JobId& id, const Job* job);
  // What was acknowledged is on disk; called after each crash and in the end.
  void check_acknowledged() const;

 private:
  void check_named(const Asked& asked, const JobId& told);
  void remember(const JobId& id, const std::string& result);

  const RunAudit& runs_;
  const JobAudit& jobs_;
  const Disk& disk_;
  std::set<JobId> acknowledged_;
  std::unordered_map<JobId, std::string> told_;  // results
  std::map<std::pair<std::string, std::string>, JobId> named_;
};

}  // namespace docket::sim
