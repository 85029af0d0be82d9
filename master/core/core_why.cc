// Answers why a job waits. Looks only; changes nothing.
#include <algorithm>

#include "master/core/core.h"

namespace docket {

void Core::on(Explain& event, Now now, Effects& out) {
  const LiveJob* job = live(event.job);
  Explained explained{event.reply_to, event.job, nullptr};
  if (job != nullptr) explained.why = std::make_shared<const Why>(why(*job, now));
  out.push_back(std::move(explained));
}

Why Core::why(const LiveJob& job, Now now) const {
  Why why = why_not_waiting(job.job);
  if (job.job.state == JobState::running) return why;
  why.gives_up_in_ms = job.wait_until - now.mono;
  const Demand demand = demand_of(job);
  for (const auto& [name, agent] : agents_.all()) {
    const Obstacle found = obstacle(agent, demand, settings_);
    why.hosts.push_back(
        {name, agent.state, agent.since, found, obstacle_text(found, agent, demand, settings_)});
  }
  if (job.delayed) {
    why.retry_in_ms = job.deadline - now.mono;
  } else {
    const Queue::Place place{job.job.language, job.job.key, job.ticket};
    const auto meets = [&](const std::string& other) { return meet(demand.language, other); };
    why.priority = queue_.priority_of(place, now.mono, meets);
    why.ahead = queue_.ahead_of(place, now.mono, meets, [&](const Queue::Lane& lane) {
      return cost_of(lane.language, lane.key);
    });
  }
  why.summary = store_problem_.empty()
                    ? summary_of_waiting(why)
                    : "Nothing is started: the master cannot save: " + store_problem_;
  return why;
}

bool Core::meet(const std::string& language, const std::string& other) const {
  if (language == other) return true;
  return std::any_of(agents_.all().begin(), agents_.all().end(), [&](const auto& entry) {
    return entry.second.has(language) && entry.second.has(other);
  });
}

}  // namespace docket
