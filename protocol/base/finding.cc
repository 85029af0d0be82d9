#include "protocol/base/finding.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace docket {
namespace {

// As wide as the widest name of a grade, and two blanks.
constexpr std::size_t kGradeWidth = 6;

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

}  // namespace

std::string_view grade_name(Grade grade) {
  switch (grade) {
    case Grade::ok:
      return "ok";
    case Grade::warn:
      return "warn";
    case Grade::fail:
      return "fail";
  }
  return "unknown";
}

Finding well(std::string check, std::string detail) {
  return {std::move(check), Grade::ok, std::move(detail), {}};
}

Finding doubtful(std::string check, std::string detail, std::string fix) {
  return {std::move(check), Grade::warn, std::move(detail), std::move(fix)};
}

Finding failed(std::string check, std::string detail, std::string fix) {
  return {std::move(check), Grade::fail, std::move(detail), std::move(fix)};
}

bool any_failed(const Findings& findings) {
  return std::ranges::any_of(findings, [](const auto& each) { return each.grade == Grade::fail; });
}

std::vector<std::string> lines_of(const Findings& findings) {
  std::size_t width = 0;
  for (const auto& finding : findings) width = std::max(width, finding.check.size());
  std::vector<std::string> lines;
  for (const auto& finding : findings) {
    std::string line = padded(std::string(grade_name(finding.grade)), kGradeWidth) +
                       padded(finding.check, width + 2) + finding.detail;
    if (!finding.fix.empty()) line += "; do: " + finding.fix;
    // What a program or a peer said may have line ends.
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string findings_json(const Findings& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& finding : findings) {
    list.push_back({{"check", finding.check},
                    {"result", grade_name(finding.grade)},
                    {"detail", finding.detail},
                    {"do", finding.fix}});
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace docket
