// What a doctor says of one thing that it looked at, for docket-agent doctor and docket doctor.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace docket {

// Two clocks that are further apart are a finding: more than asking takes.
inline constexpr std::int64_t kWrongClockMs = 2'000;

enum class Grade { ok, warn, fail };

struct Finding {
  std::string check;  // what was looked at, in a word or two
  Grade grade = Grade::ok;
  std::string detail;  // what was seen
  std::string fix;     // what to do about it; empty when it is ok
};
using Findings = std::vector<Finding>;

// "ok", "warn" or "fail".
std::string_view grade_name(Grade grade);

Finding well(std::string check, std::string detail);
Finding doubtful(std::string check, std::string detail, std::string fix);
Finding failed(std::string check, std::string detail, std::string fix);

bool any_failed(const Findings& findings);

// "fail  key   the master proves another key; do: …", one line each, the checks as wide as the
// widest of them.
std::vector<std::string> lines_of(const Findings& findings);

// [{"check", "result", "detail", "do"}, …]
std::string findings_json(const Findings& findings);

}  // namespace docket
