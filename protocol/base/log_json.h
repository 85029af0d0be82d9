// A log line's text, key=value or key="value", as one JSON object. Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket {

struct LogLine {
  std::string_view time;  // RFC 3339
  std::string_view level;
  std::string_view program;
  std::string_view text;
};

// {"time":…,"level":…,"program":…, then the pairs in order}. Numbers stay numbers, words that are
// no pair become "message", and of equal keys the first counts: no text can pass for the time, the
// level or the program. A quoted value ends at a quote behind which another pair begins, or at the
// last one.
std::string json_line(const LogLine& line);

}  // namespace docket
