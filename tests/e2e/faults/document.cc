#include "tests/e2e/faults/document.h"

#include <sstream>

namespace docket::e2e {
namespace {

constexpr const char* kBeginning = R"md(# Reliability

What was done to real clusters, and what became of the jobs. This file is written by the test that
counted, `tests/e2e/faults`. `scripts/test` runs every cell again and fails when a job is lost,
doubled or answered wrongly, when a fault did not happen as it is told here, or when the cells are
others than these. To write it anew (some four minutes, as root):

```sh
scripts/build release docket-fault-tests
build/release/bin/docket-fault-tests --write docs/reliability.md
```

`--only TEXT` runs the cells with that text in their titles.

## What is counted

Every cell is a master, two agents, two trial sandboxes with two slots each, and six clients with
real programs: C, Python, and Python with a support file of 600 kB that it reads (one kind only,
where the others do not come to the point). Two clients wait for their answers and repeat a broken
request under the same `Idempotency-Key`; two wait and repeat it as a new one; two are given an id
(202) and ask for the result until it is there. Each program prints a token of its own, so that a
wrong or foreign answer shows. What was killed is started again on the same data and address; there
is no orderly stop.

| column | what it counts |
|---|---|
| attempted | jobs that clients wanted |
| answered | rightly: HTTP 200, the right outcome, the job's own output |
| lost | acknowledged with an id, or asked for again and again, and never answered: must be 0 |
| doubled | answered in two ways, two results recorded, two jobs under one name: must be 0 |
| unexpected | any other status or body, jobs left over in the records: must be 0 |
| broken | requests whose connection died unacknowledged; their clients sent them again |
| refused | requests answered with 503, and sent again later |
| run again | starts of a program beyond its first, by the sandboxes' own book: "at least once run" |

A process dies by `kill -9` to itself at a call that a preloaded library recognises
(`tests/e2e/faults/calls.cc`); the programs know nothing of it. The last column gives the calls as
the test has them: `before`, `after` or `half` (half of the bytes are written), a call of libc,
SQLite or ZeroMQ, and its SQL, first bytes, file or kind of message. The test reads the exit status
and the library's own mark: a cell whose process did not die at that very call fails. Where the test
itself kills, the last column says so.

Other faults are checked as well: that the stopped agent was given up and its late answers dropped,
that nftables did drop packets, that the disk was full or a commit hung, that the clock had stepped.
)md";

constexpr const char* kHeads =
    "| cell | attempted | answered | lost | doubled | unexpected | broken | refused | run again "
    "| how |\n|---|---|---|---|---|---|---|---|---|---|\n";

std::string row(const std::string& name, const Counts& counts, const std::string& how) {
  std::ostringstream out;
  out << "| " << name;
  for (const int count : {counts.attempted, counts.answered, counts.lost, counts.doubled,
                          counts.unexpected, counts.broken, counts.refused, counts.run_again}) {
    out << " | " << count;
  }
  out << " | " << how << " |\n";
  return out.str();
}

void add(Counts& sum, const Counts& counts) {
  sum.attempted += counts.attempted;
  sum.answered += counts.answered;
  sum.lost += counts.lost;
  sum.doubled += counts.doubled;
  sum.unexpected += counts.unexpected;
  sum.broken += counts.broken;
  sum.refused += counts.refused;
  sum.run_again += counts.run_again;
}

}  // namespace

std::string document_of(const std::vector<Cell>& cells,
                        const std::map<std::string, Counts>& counts) {
  std::string text = kBeginning;
  Counts sum;
  std::string group;
  for (const Cell& cell : cells) {
    if (cell.group != group) text += "\n## " + (group = cell.group) + "\n\n" + kHeads;
    const Counts& counted = counts.at(cell.title());
    text += row(cell.name, counted, cell.how);
    add(sum, counted);
  }
  text += "\n## All " + std::to_string(cells.size()) + " cells\n\n" + kHeads;
  return text + row("all of them", sum, "");
}

std::set<std::string> titles_in(const std::string& document) {
  std::set<std::string> titles;
  std::istringstream lines(document);
  std::string group;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) group = line.substr(3);
    const auto end = line.find(" | ");
    const bool counts =
        end != std::string::npos && std::isdigit(static_cast<unsigned char>(line[end + 3])) != 0;
    if (counts && !group.starts_with("All ")) titles.insert(group + ": " + line.substr(2, end - 2));
  }
  return titles;
}

}  // namespace docket::e2e
