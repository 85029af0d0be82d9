// The master's disk and its journal: group commits that lag, fail for a time, and are forgotten by
// a crash unless they were made. It outlives the master's process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "master/core/events.h"
#include "tests/sim/plan.h"
#include "tests/sim/world.h"

namespace docket::sim {

class Disk {
 public:
  Disk(World& world, const Plan& plan) : world_(world), slow_(plan.slow_disk) {}

  // Called with each job as it is committed, and with each deleted one.
  std::function<void(const Job&)> on_commit;
  std::function<void(const JobId&)> on_delete;
  // The journal's word to its loop: committed up to, and what is wrong.
  std::function<void(std::uint64_t, const std::string&)> on_progress;

  void post(std::uint64_t batch, std::vector<Effect> saves);
  // What is under way may still make it; the rest is forgotten.
  void crash();
  Restored restored() const;

  void put_keys(const std::vector<ApiKey>& keys) {
    for (const ApiKey& key : keys) keys_[key.name] = key;
  }
  void fail_for(MonoMs ms) { fails_until_ = world_.now() + ms; }
  void heal() { fails_until_ = 0, slow_ = false; }
  bool failing() const { return world_.now() < fails_until_; }
  bool idle() const { return !committing_ && gathered_.empty(); }

  const Job* job(const JobId& id) const;
  const std::unordered_map<JobId, Job>& jobs() const { return jobs_; }
  Hold hold_of(const std::string& agent) const;

 private:
  struct Batch {
    std::uint64_t number;
    std::vector<Effect> saves;
  };

  void begin();
  void end();
  void apply();

  World& world_;
  bool slow_;
  MonoMs fails_until_ = 0;
  std::uint64_t life_ = 0;  // of the process that posts
  bool told_problem_ = false;
  bool committing_ = false;
  std::uint64_t committed_ = 0;
  std::vector<Batch> gathered_;
  std::vector<Batch> under_way_;

  std::unordered_map<JobId, Job> jobs_;
  std::map<std::string, AgentRecord> agents_;
  std::map<std::string, ApiKey> keys_;
};

}  // namespace docket::sim
