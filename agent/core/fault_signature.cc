#include "agent/core/fault_signature.h"

namespace docket::agent {
namespace {

constexpr std::size_t kMostBytes = 200;

bool is_fault(std::string_view line, Step step) {
  if (line.starts_with("sudo: ")) return true;
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return false;
  const std::string_view signer = line.substr(0, colon);
  const bool guard = signer == "runguard" ||
                     (signer.ends_with("/runguard") && signer.find(' ') == std::string_view::npos);
  if (!guard) return false;
  const std::string_view complaint = line.substr(colon + 2);
  const bool unfit_limit = (complaint.starts_with("invalid ") &&
                            complaint.find(" specified: `") != std::string_view::npos) ||
                           complaint == "setting timer: Invalid argument";  // cputime 1e300
  const bool own_doing = step == Step::run && complaint.starts_with("warning: command ");
  return !unfit_limit && !own_doing;
}

}  // namespace

std::string fault_signature(std::string_view text, Step step) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (is_fault(line, step)) return std::string(line.substr(0, kMostBytes));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace docket::agent
