#include "master/core/idempotency.h"

namespace docket {

const Idempotency::Known* Idempotency::find(const std::string& scoped, MonoMs now) const {
  const auto found = names_.find(scoped);
  return found == names_.end() || found->second.ends <= now ? nullptr : &found->second.known;
}

void Idempotency::remember(const std::string& scoped, Known known, MonoMs ends) {
  names_[scoped] = {std::move(known), ends};
  order_.emplace_back(ends, scoped);
  if (order_.size() > most_) expire(order_.front().first);
}

void Idempotency::forget(const std::string& scoped, const JobId& job) {
  const auto found = names_.find(scoped);
  if (found != names_.end() && found->second.known.job == job) names_.erase(found);
}

void Idempotency::expire(MonoMs now) {
  while (!order_.empty() && order_.front().first <= now) {
    const auto found = names_.find(order_.front().second);
    // A name that was forgotten and used again has a later entry.
    if (found != names_.end() && found->second.ends <= now) names_.erase(found);
    order_.pop_front();
  }
}

}  // namespace docket
