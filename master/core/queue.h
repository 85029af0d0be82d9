// The waiting jobs: one line per language, each in order of arrival. A job that comes back after a
// failed attempt keeps its ticket and so its place. Owned by the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "protocol/job.h"

namespace docket {

using Ticket = std::uint64_t;  // the order of arrival, unique

class Queue {
 public:
  using Line = std::map<Ticket, JobId>;

  void add(const std::string& language, Ticket ticket, JobId job);
  // The entry must exist.
  void remove(const std::string& language, Ticket ticket);

  // Lines that hold a job, by language.
  const std::map<std::string, Line>& lines() const { return lines_; }

 private:
  std::map<std::string, Line> lines_;  // no empty line
};

}  // namespace docket
