#include "tests/sim/audit_fairness.h"

#include "tests/sim/world.h"

namespace docket::sim {

const ApiKey* FairAudit::key_of(const std::string& name) const {
  for (const ApiKey& key : plan_.keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

void FairAudit::waits(const JobId& id, const std::string& key, const std::string& language) {
  if (!plan_.even_runs) return;
  Waiting& waiting = waiting_[id];
  waiting.key = key;
  waiting.language = language;
  waiting.alone = waiting_by_key_[key]++ == 0;
  waiting.served = served_[language];
}

void FairAudit::left(const JobId& id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  --waiting_by_key_[found->second.key];
  waiting_.erase(found);
}

void FairAudit::assigns(const JobId& id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const Waiting waiting = found->second;
  left(id);
  auto& served = served_[waiting.language];
  ++served[waiting.key];
  const ApiKey* own = key_of(waiting.key);
  if (!waiting.alone || own == nullptr) return;
  for (const auto& [name, count] : served) {
    const ApiKey* other = key_of(name);
    if (name == waiting.key || other == nullptr || other->priority != own->priority) continue;
    const auto before = waiting.served.find(name);
    const std::uint64_t passed = count - (before == waiting.served.end() ? 0 : before->second);
    // By weight, and some for what its key had just before, in runs that are not all alike.
    const std::uint64_t ratio = (other->weight + own->weight - 1) / own->weight;
    ++judged_;
    longest_ = std::max(longest_, passed);
    require(passed <= 4 + 6 * ratio, "fair shares: a flood delays another key's run by few runs",
            id.text() + " of " + waiting.key + " waited for " + std::to_string(passed) +
                " runs of " + name);
  }
}

void FairAudit::master_started() {
  waiting_.clear();
  waiting_by_key_.clear();
}

}  // namespace docket::sim
