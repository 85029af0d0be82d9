// Why a job is where it is: what it waits for, host by host, and what comes before it; or what each
// attempt did. Plain values, for people; the API, the command line and the page show them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "master/core/job.h"
#include "master/core/placement.h"
#include "master/core/queue.h"
#include "master/core/snapshot.h"

namespace docket {

struct Why {
  struct Host {
    std::string name;
    AgentState state = AgentState::lost;
    WallMs since = 0;  // of the state
    Obstacle obstacle = Obstacle::none;
    std::string reason;
  };

  JobId job;
  JobState state = JobState::queued;
  std::string language;
  std::string key;
  std::string summary;
  std::vector<std::string> history;  // a line for each attempt
  // Of a job that waits:
  Priority priority = Priority::normal;  // the class it is in by now
  std::vector<Queue::Ahead> ahead;       // what begins before it, if nothing more comes
  std::optional<MonoMs> retry_in_ms;     // it failed and waits this long, whoever is free
  std::optional<MonoMs> gives_up_in_ms;  // then its patience ends
  std::vector<Host> hosts;               // by name
};

// "full", "lacks-language", …
std::string_view obstacle_name(Obstacle obstacle);

// What keeps the job from this agent, as a sentence; `agent` is as the core knows it.
std::string obstacle_text(Obstacle obstacle, const Agent& agent, const Demand& demand,
                          const CoreSettings& settings);

// "attempt 1 on lab-3, 2.1 s: sandbox error: HTTP 500"
std::vector<std::string> history_of(const Job& job);

// Of a job that waits, by the hosts found and what is ahead.
std::string summary_of_waiting(const Why& why);
// Of one that runs or has ended: all that is to be said of it.
Why why_not_waiting(const Job& job);

}  // namespace docket
