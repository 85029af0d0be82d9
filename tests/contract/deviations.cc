#include "tests/contract/deviations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <regex>

namespace docket::contract {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.push_back(std::exchange(cell, {}));
    } else {
      cell += line[i];
    }
  }
  return cells;
}

// The texts between backquotes.
std::vector<std::string> quoted(const std::string& cell) {
  std::vector<std::string> texts;
  for (std::size_t from = 0; (from = cell.find('`', from)) != std::string::npos;) {
    const auto end = cell.find('`', from + 1);
    if (end == std::string::npos) break;
    texts.push_back(cell.substr(from + 1, end - from - 1));
    from = end + 1;
  }
  return texts;
}

std::optional<int> leading_status(const std::string& cell) {
  std::smatch found;
  static const std::regex kStatus("^ *([1-5][0-9][0-9])\\b");
  if (!std::regex_search(cell, found, kStatus)) return std::nullopt;
  return std::stoi(found[1]);
}

// A row that names exchanges; others are the document's own.
std::optional<Deviation> row_of(const std::string& line) {
  const auto cells = cells_of(line);
  if (cells.size() != 4) return std::nullopt;
  Deviation deviation;
  deviation.row = line;
  static const std::regex kName("[a-z0-9_*.]+");
  static const std::regex kHeader("([A-Z][A-Za-z-]+): (.*)");
  for (const auto& name : quoted(cells[0])) {
    if (std::regex_match(name, kName)) deviation.names.push_back(name);
  }
  if (deviation.names.empty()) return std::nullopt;
  deviation.jobe_status = leading_status(cells[1]);
  deviation.status = leading_status(cells[2]);
  for (const auto& text : quoted(cells[2])) {
    std::smatch header;
    if (std::regex_match(text, header, kHeader)) {
      std::string name = header[1];
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      deviation.headers.emplace_back(name, header[2]);
    } else {
      deviation.bodies.push_back(text);
    }
  }
  return deviation;
}

}  // namespace

std::vector<Deviation> read_deviations() {
  std::ifstream lines(std::string(DOCKET_SOURCE_DIR) + "/docs/jobe-compatibility.md");
  std::vector<Deviation> deviations;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|')) continue;
    if (auto deviation = row_of(line)) deviations.push_back(std::move(*deviation));
  }
  REQUIRE(!deviations.empty());
  return deviations;
}

bool fits(const std::string& pattern, const std::string& wildcard, const std::string& text) {
  const auto first = pattern.find(wildcard);
  if (first == std::string::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  std::size_t at = first;
  for (std::size_t from = first + wildcard.size();;) {
    const auto next = pattern.find(wildcard, from);
    const std::string part = pattern.substr(from, next == std::string::npos ? next : next - from);
    if (next == std::string::npos) {
      return text.size() >= at + part.size() && text.ends_with(part);
    }
    at = text.find(part, at);
    if (at == std::string::npos) return false;
    at += part.size();
    from = next + wildcard.size();
  }
}

std::vector<const Deviation*> rows_for(const std::vector<Deviation>& rows,
                                       const std::string& name) {
  std::vector<const Deviation*> found;
  for (const auto& row : rows) {
    const bool named = std::any_of(row.names.begin(), row.names.end(),
                                   [&](const auto& pattern) { return fits(pattern, "*", name); });
    if (named) found.push_back(&row);
  }
  return found;
}

}  // namespace docket::contract
