#include "master/core/verdict.h"

namespace docket {

Verdict judge(const Finished& finished) {
  switch (finished.ending) {
    case Ending::ran: {
      const auto outcome = static_cast<Outcome>(finished.outcome);
      const bool host_fault = outcome == Outcome::internal_error || outcome == Outcome::overload ||
                              !finished.fault_signature.empty();
      return host_fault ? Verdict::elsewhere : Verdict::answer;
    }
    case Ending::rejected:
      return Verdict::answer;
    default:
      return counts_as_attempt(finished.ending) ? Verdict::elsewhere : Verdict::again;
  }
}

bool counts_as_attempt(Ending ending) {
  switch (ending) {
    case Ending::expired:
    case Ending::unreachable:
    case Ending::files_unavailable:
    case Ending::forgotten:
    case Ending::cancelled:
    case Ending::evicted:
      return false;
    case Ending::none:
    case Ending::ran:
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
    return outcome_name(static_cast<int>(finished.outcome));
  }
  std::string text(ending_name(finished.ending));
  if (finished.http_status != 0) text += ": HTTP " + std::to_string(finished.http_status);
  if (!finished.detail.empty()) text += ": " + finished.detail;
  return text;
}

}  // namespace docket
