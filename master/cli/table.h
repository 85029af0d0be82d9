// Tables and facts as text: columns two spaces apart, as wide as their widest cell. Everything
// given is made visible() here, so nothing from outside reaches the terminal raw. Pure.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/clock.h"

namespace docket::cli {

enum class Tone { plain, good, doubtful, bad, strong };
enum class Align { left, right };

struct Cell {
  std::string text;  // shown as "-" when empty
  Tone tone = Tone::plain;
};

struct Column {
  std::string title;
  Align align = Align::left;
  bool only_wide = false;
};

// How what is shown looks.
struct Look {
  WallMs now = 0;  // for ages
  bool colour = false;
  bool wide = false;    // with the columns that are only_wide
  bool headers = true;  // with the titles of the columns
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // As many cells as there are columns.
  void add(std::vector<Cell> cells);
  // With the titles, also when there are no rows.
  std::string text(const Look& look) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

struct Fact {
  std::string label;
  Cell value;
};

// One line for each fact that has a value, values under one another.
std::string facts_text(const std::vector<Fact>& facts, bool colour);

std::string toned(const std::string& text, Tone tone, bool colour);

}  // namespace docket::cli
