// docs/reliability.md: the cells and their counts, written by the test that counted.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/faults/cell.h"

namespace docket::e2e {

// The whole document. `counts` by title, one for each of the cells.
std::string document_of(const std::vector<Cell>& cells,
                        const std::map<std::string, Counts>& counts);
// The titles of the cells whose counts it shows.
std::set<std::string> titles_in(const std::string& document);

}  // namespace docket::e2e
