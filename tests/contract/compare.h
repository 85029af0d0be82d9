// Holds an answer of Docket's against Jobe's. Pure.
//
// The same must be: status, body, Content-Type, Cache-Control, interim answers; no body and no word
// of one in a 204; and the three CORS headers of Jobe 2.1.1, on what its resources answer and not
// on what its router refuses (2.2 lost them by mistake).
//
// The result of a run has the same keys in the same order and the same outcome; its run_id is
// Docket's own. stdout and stderr are the same where a program's text is the same everywhere; a
// compiler's words and a traceback depend on versions: there, both are empty or neither is. A list
// of languages has the same form; which languages and versions is the host's.
#pragma once

#include <string>
#include <vector>

#include "tests/contract/deviations.h"
#include "tests/contract/recording.h"

namespace docket::contract {

// What differs, empty when nothing does. With `row` its words count instead of Jobe's.
std::vector<std::string> differences(const Exchange& exchange, const Answer& docket,
                                     const Deviation* row);

// Whether the body is the result of a run that a sandbox carried out.
bool is_result(const std::string& body);

}  // namespace docket::contract
