#include "agent/core/fault_signature.h"

namespace docket::agent {
namespace {

constexpr std::size_t kMostBytes = 200;
constexpr std::string_view kTimeUp = "warning: timelimit exceeded ";
constexpr std::string_view kCommandEnded = "warning: command ";

// What runguard says in this line, or nothing when it does not speak there.
std::string_view guards_words(std::string_view line) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return {};
  const std::string_view signer = line.substr(0, colon);
  const bool guard = signer == "runguard" ||
                     (signer.ends_with("/runguard") && signer.find(' ') == std::string_view::npos);
  return guard ? line.substr(colon + 2) : std::string_view{};
}

bool lost_work_directory(std::string_view line) {
  return line.ends_with("No such file or directory") &&
         (line.starts_with("prog.cmd: line 1: prog.out: ") ||
          (line.starts_with("file_get_contents(/") &&
           line.find("/prog.out): ") != std::string_view::npos));
}

bool is_fault(std::string_view line, Step step, bool time_up) {
  if (line.starts_with("sudo: ")) return true;
  if (step == Step::compile && lost_work_directory(line)) return true;
  const std::string_view complaint = guards_words(line);
  if (complaint.empty()) return false;
  const bool unfit_limit = (complaint.starts_with("invalid ") &&
                            complaint.find(" specified: `") != std::string_view::npos) ||
                           complaint == "setting timer: Invalid argument";  // cputime 1e300
  const bool own_doing = (step == Step::run || time_up) && complaint.starts_with(kCommandEnded);
  const bool its_time = time_up && complaint.starts_with(kTimeUp);
  return !unfit_limit && !own_doing && !its_time;
}

// Calls `visit` with each line until it returns true; then returns that line.
template <class Visit>
std::string_view find_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (visit(line)) return line;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

bool compile_time_up(std::string_view cmpinfo) {
  const auto says_so = [](std::string_view line) {
    return guards_words(line).starts_with(kTimeUp);
  };
  return !find_line(cmpinfo, says_so).empty();
}

std::string fault_signature(std::string_view text, Step step) {
  const bool time_up = step == Step::compile && compile_time_up(text);
  const auto line =
      find_line(text, [&](std::string_view each) { return is_fault(each, step, time_up); });
  return std::string(line.substr(0, kMostBytes));
}

}  // namespace docket::agent
