#include "tests/sim/audit_fairness.h"

#include <algorithm>

#include "tests/sim/world.h"

namespace docket::sim {

const ApiKey* FairAudit::key_of(const std::string& name) const {
  for (const ApiKey& key : plan_.keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

void FairAudit::waits(const JobId& id, const std::string& key, const std::string& language,
                      bool restored) {
  if (!plan_.even_runs || waiting_.contains(id)) return;
  keys_[id] = key;
  Waiting& waiting = waiting_[id];
  waiting.key = key;
  waiting.language = language;
  waiting.alone = waiting_by_key_[key]++ == 0 && !restored;
  waiting.level = level_;
  waiting.served = served_[language];
}

void FairAudit::left(const JobId& id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  --waiting_by_key_[found->second.key];
  waiting_.erase(found);
}

void FairAudit::assigns(const JobId& id) {
  const auto key = keys_.find(id);
  const ApiKey* own = key == keys_.end() ? nullptr : key_of(key->second);
  if (own == nullptr) return;
  const double had = had_[own->name];
  // An attempt after the first is paid for too.
  level_ = std::max(level_, had_[own->name]);
  had_[own->name] = level_ + 1.0 / own->weight;
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const Waiting waiting = found->second;
  left(id);
  auto& served = served_[waiting.language];
  ++served[waiting.key];
  if (!waiting.alone) return;
  // What its key has had too much, perhaps meanwhile in another language, the others may have
  // first.
  const double debt = std::max(0.0, had - waiting.level);
  for (const auto& [name, count] : served) {
    const ApiKey* other = key_of(name);
    if (name == waiting.key || other == nullptr || other->priority != own->priority) continue;
    const auto before = waiting.served.find(name);
    const std::uint64_t passed = count - (before == waiting.served.end() ? 0 : before->second);
    const double share = debt * other->weight + double(other->weight) / own->weight;
    ++judged_;
    // Generously, because runs are not all alike: a flood is hundreds.
    require(double(passed) <= 10 + 4 * share,
            "fair shares: a flood delays another key's run by few runs",
            id.text() + " of " + waiting.key + " waited for " + std::to_string(passed) +
                " runs of " + name + ", weights " + std::to_string(own->weight) + " and " +
                std::to_string(other->weight) + ", " + std::to_string(debt) + " ahead");
  }
}

void FairAudit::master_started() {
  waiting_.clear();
  waiting_by_key_.clear();
  had_.clear();
  level_ = 0;
}

}  // namespace docket::sim
