#include "master/cli/table.h"

#include <algorithm>

#include "master/cli/text.h"
#include "protocol/base/check.h"

namespace docket::cli {
namespace {

constexpr std::size_t kGap = 2;

const char* colour_code(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "\x1b[32m";
    case Tone::doubtful:
      return "\x1b[33m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::strong:
      return "\x1b[1m";
  }
  return "";
}

// The padding stands outside the colour and never at the end of a line.
std::string line_of(const std::vector<Cell>& cells, const std::vector<Column>& columns,
                    const std::vector<std::size_t>& widths, bool colour) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - width_of(cells[i].text), ' ');
    const bool last = i + 1 == cells.size();
    if (columns[i].align == Align::right) line += padding;
    line += toned(cells[i].text, cells[i].tone, colour);
    if (last) break;
    if (columns[i].align == Align::left) line += padding;
    line.append(kGap, ' ');
  }
  return line + "\n";
}

}  // namespace

std::string toned(const std::string& text, Tone tone, bool colour) {
  if (!colour || tone == Tone::plain || text.empty()) return text;
  return colour_code(tone) + text + "\x1b[0m";
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<Cell> cells) {
  CHECK_THAT(cells.size() == columns_.size());
  for (auto& cell : cells) cell.text = cell.text.empty() ? "-" : visible(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::text(const Look& look) const {
  std::vector<std::vector<Cell>> lines;
  if (look.headers) {
    lines.emplace_back();
    for (const auto& column : columns_) lines.back().push_back({column.title, Tone::strong});
  }
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<Column> shown;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].only_wide && !look.wide) {
      for (auto& line : lines) line.erase(line.begin() + static_cast<long>(shown.size()));
      continue;
    }
    std::size_t width = 0;
    for (const auto& line : lines) width = std::max(width, width_of(line[shown.size()].text));
    shown.push_back(columns_[i]);
    widths.push_back(width);
  }
  std::string out;
  for (const auto& line : lines) out += line_of(line, shown, widths, look.colour);
  return out;
}

std::string facts_text(const std::vector<Fact>& facts, bool colour) {
  std::size_t width = 0;
  for (const auto& fact : facts) {
    if (!fact.value.text.empty()) width = std::max(width, width_of(fact.label));
  }
  std::string out;
  for (const auto& fact : facts) {
    if (fact.value.text.empty()) continue;
    out += fact.label + std::string(width + kGap - width_of(fact.label), ' ') +
           toned(visible(fact.value.text), fact.value.tone, colour) + "\n";
  }
  return out;
}

}  // namespace docket::cli
