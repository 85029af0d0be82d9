// The rows of docs/jobe-compatibility.md: where Docket answers otherwise than Jobe, on purpose. The
// document says how its tables are written.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace docket::contract {

struct Deviation {
  std::vector<std::string> names;   // of exchanges, `*` for any text
  std::optional<int> jobe_status;   // what the row says of Jobe
  std::optional<int> status;        // Docket's; nothing: Jobe's
  std::vector<std::string> bodies;  // one of these, `…` for any text; none: Jobe's
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string row;                                           // as written, for messages
};

std::vector<Deviation> read_deviations();

// Whether `text` is `pattern`, with any text in place of each `wildcard`.
bool fits(const std::string& pattern, const std::string& wildcard, const std::string& text);

// The rows that name the exchange.
std::vector<const Deviation*> rows_for(const std::vector<Deviation>& rows, const std::string& name);

}  // namespace docket::contract
