// The counts of a cell, from the clients' book, the master's own records and the sandboxes' book of
// started programs. Every cell ends with them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/faults/load.h"
#include "tests/e2e/faults/rig.h"

namespace docket::e2e {

struct Counts {
  int attempted = 0;   // jobs that clients wanted
  int answered = 0;    // rightly: status, outcome, and the job's own output
  int lost = 0;        // acknowledged or asked for again, and never answered
  int doubled = 0;     // two answers, two recorded results, or two jobs for one name
  int unexpected = 0;  // wrong statuses and bodies, and what disagrees in the records
  int broken = 0;      // requests that died with the connection and were sent again
  int refused = 0;     // 503: come later
  int run_again = 0;   // starts of a program beyond its first
  std::vector<std::string> findings;  // what is behind lost, doubled and unexpected

  bool clean() const { return answered == attempted && lost + doubled + unexpected == 0; }
};

nlohmann::json to_json(const Counts& counts);
Counts counts_of(const nlohmann::json& value);

// Finishes the load and counts.
Counts audit(Rig& rig, Load& load);

}  // namespace docket::e2e
