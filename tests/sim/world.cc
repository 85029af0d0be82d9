#include "tests/sim/world.h"

#include <algorithm>

namespace docket::sim {

void World::at(MonoMs when, std::function<void()> what) {
  due_.push_back({std::max(when, now_), planned_++, std::move(what)});
  std::push_heap(due_.begin(), due_.end());
}

bool World::step() {
  if (due_.empty()) return false;
  std::pop_heap(due_.begin(), due_.end());
  const Due next = std::move(due_.back());
  due_.pop_back();
  now_ = next.when;
  ++done_;
  next.what();
  return true;
}

}  // namespace docket::sim
