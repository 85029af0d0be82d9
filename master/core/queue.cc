#include "master/core/queue.h"

#include "protocol/base/check.h"

namespace docket {

void Queue::add(const std::string& language, Ticket ticket, JobId job) {
  const bool added = lines_[language].emplace(ticket, job).second;
  CHECK_THAT(added);
}

void Queue::remove(const std::string& language, Ticket ticket) {
  const auto line = lines_.find(language);
  CHECK_THAT(line != lines_.end() && line->second.erase(ticket) == 1);
  if (line->second.empty()) lines_.erase(line);
}

}  // namespace docket
