#include "master/core/verdict.h"

namespace docket {

bool crowded_out(const Finished& finished, std::uint32_t by_clock_ms) {
  return finished.ending == Ending::ran &&
         finished.outcome == static_cast<std::uint32_t>(Outcome::time_limit) &&
         finished.run_ms >= by_clock_ms && finished.load_percent > kCrowdedPercent;
}

Verdict judge(const Finished& finished, std::uint32_t by_clock_ms) {
  switch (finished.ending) {
    case Ending::ran: {
      const auto outcome = static_cast<Outcome>(finished.outcome);
      const bool host_fault = outcome == Outcome::internal_error || outcome == Outcome::overload ||
                              !finished.fault_signature.empty();
      if (host_fault) return Verdict::elsewhere;
      // A compiler's time is short of nothing but cores, whatever the load seemed to be.
      const bool doubtful =
          finished.remark == Remark::compile_time_up || crowded_out(finished, by_clock_ms);
      return doubtful ? Verdict::doubtful : Verdict::answer;
    }
    case Ending::rejected:
      return Verdict::answer;
    default:
      return counts_as_attempt(finished.ending, finished.outcome) ? Verdict::elsewhere
                                                                  : Verdict::again;
  }
}

bool counts_as_attempt(Ending ending, std::uint32_t outcome) {
  switch (ending) {
    case Ending::ran:
      return outcome != static_cast<std::uint32_t>(Outcome::overload);
    case Ending::expired:
    case Ending::unreachable:
    case Ending::files_unavailable:
    case Ending::forgotten:
    case Ending::cancelled:
    case Ending::evicted:
    case Ending::doubted:
      return false;
    case Ending::none:
    case Ending::rejected:
    case Ending::files_missing:
    case Ending::push_failed:
    case Ending::http_error:
    case Ending::timed_out:
    case Ending::unreadable:
    case Ending::cut:
    case Ending::agent_lost:
    case Ending::overdue:
      return true;
  }
  return true;
}

std::string describe(const Finished& finished) {
  if (finished.ending == Ending::ran) {
    if (!finished.fault_signature.empty()) {
      return "sandbox fault: " + finished.fault_signature;
    }
    std::string text = outcome_name(static_cast<int>(finished.outcome));
    if (!finished.detail.empty()) text += ": " + finished.detail;
    return text;
  }
  std::string text(ending_name(finished.ending));
  if (finished.http_status != 0) text += ": HTTP " + std::to_string(finished.http_status);
  if (!finished.detail.empty()) text += ": " + finished.detail;
  return text;
}

}  // namespace docket
