// The requests that clients have named with an Idempotency-Key, for as long as the names are kept:
// a name stands for one job. Owned by the core.
//
// Invariants: bounded in number; the oldest name goes first.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "protocol/job.h"

namespace docket {

class Idempotency {
 public:
  struct Known {
    std::string fingerprint;
    JobId job;
  };

  explicit Idempotency(std::size_t most) : most_(most) {}

  // A client's names are its own: `owner` is its API key's name.
  static std::string scoped(const std::string& owner, const std::string& name) {
    return owner + '\n' + name;
  }

  // nullptr when the name is not known or no longer kept.
  const Known* find(const std::string& scoped, MonoMs now) const;
  // Names must come in the order in which they end.
  void remember(const std::string& scoped, Known known, MonoMs ends);
  // Its job was deleted: the name is free. Another job of that name keeps it.
  void forget(const std::string& scoped, const JobId& job);
  // Lets go what has ended.
  void expire(MonoMs now);

  std::size_t size() const { return names_.size(); }

 private:
  struct Entry {
    Known known;
    MonoMs ends = 0;
  };

  std::size_t most_;
  std::unordered_map<std::string, Entry> names_;
  std::deque<std::pair<MonoMs, std::string>> order_;  // may hold names that are forgotten
};

}  // namespace docket
