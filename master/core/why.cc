#include "master/core/why.h"

#include <algorithm>

namespace docket {
namespace {

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string seconds(MonoMs ms) {
  return std::to_string(ms / 1'000) + "." + std::to_string(ms % 1'000 / 100) + " s";
}

std::string state_text(const Agent& agent) {
  const std::string reason = agent.reason.empty() ? agent.sandbox_problem : agent.reason;
  return std::string(agent_state_name(agent.state)) + (reason.empty() ? "" : ": " + reason);
}

std::size_t count(const Why& why, std::initializer_list<Obstacle> obstacles) {
  return static_cast<std::size_t>(
      std::count_if(why.hosts.begin(), why.hosts.end(), [&](const Why::Host& host) {
        return std::find(obstacles.begin(), obstacles.end(), host.obstacle) != obstacles.end();
      }));
}

std::string runs(std::size_t n) {
  return std::to_string(n) + (n == 1 ? " run" : " runs");
}

std::string summary_of(const Job& job) {
  const std::size_t tries = job.attempts.size();
  switch (job.state) {
    case JobState::queued:
      return "It waits.";
    case JobState::running:
      return tries == 0 ? "It runs." : "It runs on " + job.attempts.back().agent + ".";
    case JobState::done:
      if (job.http_status == 400) return "The sandbox refused the request: it is the client's.";
      return "It ended with " + outcome_name(static_cast<int>(job.outcome)) + " on " +
             (tries == 0 ? std::string("a host") : job.attempts.back().agent) +
             (tries > 1 ? ", at attempt " + std::to_string(tries) : std::string()) + ".";
    case JobState::failed:
      return "No host could run it, after " + std::to_string(tries) + " attempts.";
    case JobState::expired:
      return "It waited longer than it may: no slot was free in time.";
    case JobState::cancelled:
      return "It was cancelled.";
  }
  return {};
}

}  // namespace

std::string_view obstacle_name(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::none:
      return "none";
    case Obstacle::lacks_language:
      return "lacks-language";
    case Obstacle::pinned_elsewhere:
      return "pinned-elsewhere";
    case Obstacle::lacks_tag:
      return "lacks-tag";
    case Obstacle::takes_no_work:
      return "takes-no-work";
    case Obstacle::short_of:
      return "short";
    case Obstacle::full:
      return "full";
  }
  return "unknown";
}

std::string obstacle_text(Obstacle obstacle, const Agent& agent, const Demand& demand,
                          const CoreSettings& settings) {
  switch (obstacle) {
    case Obstacle::none:
      return "free: " + std::to_string(agent.slots_taken()) + " of " + std::to_string(agent.slots) +
             " slots taken";
    case Obstacle::lacks_language:
      return "lacks " + demand.language +
             (agent.sandbox_problem.empty() ? "" : ": " + agent.sandbox_problem);
    case Obstacle::pinned_elsewhere:
      return demand.language + " is pinned to " + listed(settings.pins.at(demand.language));
    case Obstacle::lacks_tag:
      return "lacks a tag that the key requires: " + listed(demand.tags);
    case Obstacle::takes_no_work:
      return state_text(agent);
    case Obstacle::short_of:
      return agent.shortage;
    case Obstacle::full:
      if (agent.slots_taken() < agent.slots) {
        return "full: " + std::to_string(agent.slots_taken()) + " runs; " +
               (demand.doubted_on.empty() ? agent.crowded
                                          : "this one was out of time on a busy host and waits "
                                            "for a core");
      }
      return "full: " + std::to_string(agent.slots_taken()) + " of " + std::to_string(agent.slots) +
             " slots taken";
  }
  return {};
}

std::vector<std::string> history_of(const Job& job) {
  std::vector<std::string> lines;
  for (const Attempt& attempt : job.attempts) {
    std::string line = "attempt " + std::to_string(attempt.number) + " on " + attempt.agent;
    if (attempt.ended == 0) {
      line += " runs";
    } else {
      line += ", " + seconds(attempt.ended - attempt.assigned) + ": " +
              (attempt.detail.empty() ? std::string(ending_name(attempt.ending)) : attempt.detail);
    }
    if (attempt.late_answer != 0) line += "; its answer came too late";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string summary_of_waiting(const Why& why) {
  if (why.retry_in_ms) {
    return "It failed everywhere it could go, and is tried again in " + seconds(*why.retry_in_ms) +
           ".";
  }
  if (why.hosts.empty()) return "No agent has joined yet.";
  const std::size_t full = count(why, {Obstacle::full});
  const std::size_t away = count(why, {Obstacle::takes_no_work, Obstacle::short_of});
  if (count(why, {Obstacle::none}) == 0 && full == 0) {
    return away == 0 ? "No host can run it: see what each lacks."
                     : "No host that could run it takes work just now.";
  }
  std::size_t before = 0;
  for (const Queue::Ahead& ahead : why.ahead) before += ahead.jobs;
  if (before > 0) return "At most " + runs(before) + " begin before it, if no others come.";
  return full > 0 ? "It is next: the first slot that is free is its own."
                  : "It is next, and begins at once unless it failed on the host that is free.";
}

Why why_not_waiting(const Job& job) {
  Why why;
  why.job = job.id;
  why.state = job.state;
  why.language = job.language;
  why.key = job.key;
  why.summary = summary_of(job);
  why.history = history_of(job);
  return why;
}

}  // namespace docket
