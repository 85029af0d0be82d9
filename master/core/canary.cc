#include "master/core/canary.h"

#include "master/core/verdict.h"

namespace docket {
std::string canary_language(const std::string& wanted, const std::vector<Language>& languages) {
  if (!canary_body(wanted).empty()) return wanted;
  for (const Language& language : languages) {
    if (!canary_body(language.id).empty()) return language.id;
  }
  return {};
}

std::string canary_problem(const Finished& finished) {
  if (judge(finished, kCanaryWallMs) != Verdict::answer) return describe(finished);
  if (finished.outcome != static_cast<std::uint32_t>(Outcome::ok)) {
    return "it ended with " + outcome_name(static_cast<int>(finished.outcome));
  }
  if (!has_canary_output(finished.body)) return "its output is wrong";
  return {};
}

}  // namespace docket
