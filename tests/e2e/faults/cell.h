// A cell of the table of faults: one cluster, one load, one fault, one count. Each runs in a
// process of its own (main.cc), so several at a time disturb nobody, and may change that process's
// namespaces.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/e2e/faults/audit.h"

namespace docket::e2e {

struct Cell {
  std::string group;
  std::string name;  // unique within its group
  std::string how;   // for the document: how the fault is made
  std::function<Counts()> run;
  bool needs_root = false;

  std::string title() const { return group + ": " + name; }
};

std::vector<Cell> kill_cells();
std::vector<Cell> pause_cells();
std::vector<Cell> network_cells();
std::vector<Cell> disk_cells();
std::vector<Cell> clock_cells();

}  // namespace docket::e2e
