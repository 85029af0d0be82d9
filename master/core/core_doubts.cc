// Answers that say "time limit" of a host that was too busy to say so: the run is made once more
// where there is room, and a host that makes such answers gets no more runs than it has cores.
#include <algorithm>

#include "master/core/core.h"
#include "master/core/verdict.h"

namespace docket {
namespace {

bool is_doubted(const Attempt& attempt) {
  return attempt.ending == Ending::doubted;
}

std::string why_doubted(const Finished& finished, bool crowded) {
  const std::string what = crowded ? "killed after " + std::to_string(finished.run_ms) + " ms, " +
                                         std::to_string(finished.load_percent) +
                                         " % of the host's cores were wanted"
                                   : std::string("its compiler was killed because its time was up");
  return describe(finished) + ": " + what + ": run once more where there is room";
}

}  // namespace

bool Core::may_doubt(const LiveJob& job) const {
  const auto& attempts = job.job.attempts;
  return std::none_of(attempts.begin(), attempts.end(), is_doubted) &&
         attempts.size() < settings_.max_all_attempts;
}

void Core::doubt(LiveJob& job, Agent& agent, const Finished& finished, Now now, Effects& out) {
  const bool crowded = crowded_out(finished, job.job.cputime_s);
  end_attempt(job, Ending::doubted, why_doubted(finished, crowded), now);
  if (crowded && agent.fitting_slots() < agent.slots) {
    agent.crowded_until = now.mono + settings_.crowded_ms;
    if (agent.crowded.empty()) {
      const std::string cores = std::to_string(agent.fitting_slots());
      agent.crowded = "a program ran out of wall time: of its " + std::to_string(agent.slots) +
                      " slots only " + cores + " are used for now, one for each core";
      out.push_back(Note{Note::Level::warn, "agent=" + agent.name + " crowded=yes reason=\"" +
                                                agent.crowded + "\" do=\"set --slots " + cores +
                                                "\""});
    }
  }
  await_room(job, now);
  retry(job, now, out);
}

void Core::await_room(LiveJob& job, Now now) {
  const auto& attempts = job.job.attempts;
  if (attempts.empty() || !is_doubted(attempts.back())) return;
  job.room_until = now.mono + settings_.room_wait_ms;
  job.doubted_on = attempts.back().agent;
}

void Core::check_crowd(Agent& agent, Now now, Effects& out) {
  if (agent.crowded.empty() || now.mono < agent.crowded_until) return;
  agent.crowded.clear();
  out.push_back(Note{Note::Level::info, "agent=" + agent.name + " crowded=no"});
}

}  // namespace docket
