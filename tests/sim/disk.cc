#include "tests/sim/disk.h"

#include <algorithm>
#include <utility>

#include "protocol/base/overloaded.h"

namespace docket::sim {
namespace {

constexpr MonoMs kRetryMs = 1'000;

}  // namespace

void Disk::post(std::uint64_t batch, std::vector<Effect> saves) {
  gathered_.push_back({batch, std::move(saves)});
  if (!committing_) begin();
}

void Disk::begin() {
  committing_ = true;
  under_way_ = std::exchange(gathered_, {});
  const MonoMs takes = slow_ ? world_.dice.between(5, 400) : world_.dice.between(0, 4);
  world_.after(takes, [this, life = life_] {
    if (life == life_) end();
  });
}

void Disk::end() {
  if (failing()) {
    if (!std::exchange(told_problem_, true)) on_progress(committed_, "disk full");
    world_.after(kRetryMs, [this, life = life_] {
      if (life == life_) end();
    });
    return;
  }
  committed_ = under_way_.back().number;
  apply();
  committing_ = false;
  told_problem_ = false;
  on_progress(committed_, "");
  if (!gathered_.empty()) begin();
}

void Disk::apply() {
  for (const Batch& batch : std::exchange(under_way_, {})) {
    for (const Effect& effect : batch.saves) {
      std::visit(Overloaded{
                     [&](const SaveJob& save) {
                       jobs_[save.job.id] = save.job;
                       on_commit(save.job);
                     },
                     [&](const DeleteJob& gone) {
                       jobs_.erase(gone.job);
                       on_delete(gone.job);
                     },
                     [&](const SaveAgent& save) { agents_[save.agent.name] = save.agent; },
                     [&](const SaveKey& save) { keys_[save.key.name] = save.key; },
                     [&](const DeleteKey& gone) { keys_.erase(gone.name); },
                     // No simulated agent has a key: the link is plain.
                     [](const SaveAgentKey&) {},
                     [](const DeleteAgent&) {},
                     [](const SaveJoinToken&) {},
                     [](const DeleteJoinToken&) {},
                     [](const AdmitKeys&) {},
                     [](const SaveAccess&) {},
                     [](const DeleteAccess&) {},
                     [](const SaveAudit&) {},
                     [](const SavePurge&) {},
                     [](const Send&) {},
                     [](const SendChunk&) {},
                     [](const Answer&) {},
                     [](const CommandDone&) {},
                     [](const Explained&) {},
                     [](const Note&) {},
                 },
                 effect);
    }
  }
}

void Disk::crash() {
  // The commit may have been made and only its word not have come.
  if (committing_ && !failing() && world_.dice.chance(30)) apply();
  ++life_;
  committing_ = told_problem_ = false;
  committed_ = 0;
  gathered_.clear();
  under_way_.clear();
}

Restored Disk::restored() const {
  Restored restored;
  for (const auto& [id, job] : jobs_) {
    if (!is_final(job.state)) restored.jobs.push_back(job);
    const bool named = !job.idempotency_key.empty() && job.state != JobState::cancelled &&
                       job.state != JobState::expired;
    if (named) {
      restored.named.push_back({id, job.key, job.idempotency_key, job.fingerprint, job.received});
    }
  }
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(restored.jobs.begin(), restored.jobs.end(), by_id);
  std::sort(restored.named.begin(), restored.named.end(),
            [](const auto& a, const auto& b) { return a.job < b.job; });
  for (const auto& [name, agent] : agents_) restored.agents.push_back(agent);
  for (const auto& [name, key] : keys_) restored.keys.push_back(key);
  return restored;
}

const Job* Disk::job(const JobId& id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Hold Disk::hold_of(const std::string& agent) const {
  const auto found = agents_.find(agent);
  return found == agents_.end() ? Hold::none : found->second.hold;
}

}  // namespace docket::sim
