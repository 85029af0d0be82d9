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

std::uint32_t Core::by_clock_ms(const LiveJob& job, const Agent& agent,
                                const Finished& finished) const {
  const std::uint32_t cputime_s = job.job.cputime_s;
  // Of a job from before a restart only whole seconds are known, rounded up.
  const std::uint32_t limit =
      job.wall_ms != 0 ? job.wall_ms : 2'000 * (cputime_s - std::min(cputime_s, 1u));
  // The limit is the program's, the time the whole run's. Where a program gets half a core, its CPU
  // limit strikes before the clock's: then the quickest run in the language tells what compiling
  // takes at least. Where it gets less, rather one run too many.
  const auto least = agent.least_ms.find(job.job.language);
  if (finished.load_percent > kHalfCorePercent || least == agent.least_ms.end()) return limit;
  return limit + static_cast<std::uint32_t>(least->second);
}

void Core::learn_least(Agent& agent, const std::string& language, const Finished& finished) {
  if (finished.ending != Ending::ran) return;
  double& least = agent.least_ms.try_emplace(language, finished.run_ms).first->second;
  least = std::min<double>(finished.run_ms, least * 1.02);  // it forgets what was long ago
}

void Core::doubt(LiveJob& job, Agent& agent, const Finished& finished, Now now, Effects& out) {
  const bool crowded = finished.remark != Remark::compile_time_up;
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
  retry(job, now, out);
}

void Core::await_room(LiveJob& job, Now now) {
  // Its second answer will be told: whatever came between, it is to be one of a host with room.
  const auto& attempts = job.job.attempts;
  const auto doubted = std::find_if(attempts.begin(), attempts.end(), is_doubted);
  if (doubted == attempts.end()) return;
  job.room_until = now.mono + settings_.room_wait_ms;
  job.doubted_on = doubted->agent;
}

void Core::check_crowd(Agent& agent, Now now, Effects& out) {
  if (agent.crowded.empty() || now.mono < agent.crowded_until) return;
  agent.crowded.clear();
  out.push_back(Note{Note::Level::info, "agent=" + agent.name + " crowded=no"});
}

}  // namespace docket
