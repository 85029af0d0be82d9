// The auditor's count of who goes before whom: a run whose key has nothing else waiting waits for
// few runs of another key, however many that one has waiting. Owned by the simulation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "protocol/job.h"
#include "tests/sim/plan.h"

namespace docket::sim {

class FairAudit {
 public:
  explicit FairAudit(const Plan& plan) : plan_(plan) {}

  void waits(const JobId& id, const std::string& key, const std::string& language,
             bool restored = false);
  void assigns(const JobId& id);
  void left(const JobId& id);  // the queue, in another way
  // Accounts begin anew; what is restored waits again, and is not judged.
  void master_started();
  std::uint64_t judged() const { return judged_; }

 private:
  struct Waiting {
    std::string key;
    std::string language;
    bool alone = false;                           // nothing else of its key waited when it came
    double level = 0;                             // where accounts stood when it came
    std::map<std::string, std::uint64_t> served;  // each key's runs in this language, by then
  };

  const ApiKey* key_of(const std::string& name) const;

  const Plan& plan_;
  std::unordered_map<JobId, std::string> keys_;  // of every job
  std::unordered_map<JobId, Waiting> waiting_;
  std::map<std::string, std::uint64_t> waiting_by_key_;
  std::map<std::string, std::map<std::string, std::uint64_t>> served_;  // by language and key
  // What each key has had, in runs by weight, and where the last run that went began.
  std::map<std::string, double> had_;
  double level_ = 0;
  std::uint64_t judged_ = 0;
};

}  // namespace docket::sim
