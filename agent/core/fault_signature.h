// A sandbox's own complaint inside an answer that looks like a student's mistake. Pure.
#pragma once

#include <string>
#include <string_view>

namespace docket::agent {

// The first line of `text` (cmpinfo or stderr) that a Jobe's own tools write when they fail:
// runguard ("runguard: cannot start `sh': Resource temporarily unavailable", seen as outcome 11)
// and sudo. Empty when there is none; at most 200 bytes.
std::string fault_signature(std::string_view text);

}  // namespace docket::agent
