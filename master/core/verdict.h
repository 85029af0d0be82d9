// Whose fault an ended attempt is, and so what becomes of the job. Pure.
#pragma once

#include <string>

#include "protocol/messages.h"

namespace docket {

enum class Verdict {
  answer,     // the sandbox's answer is the client's
  elsewhere,  // the host's fault: another host, and the attempt counts
  again,      // nothing was started: any host, and the attempt does not count
};

// The rules are the design's third promise: outcome 20 and 21, a sandbox's own complaint inside an
// answer, and everything that is no answer, are never a student's mark; 400 is the client's own.
Verdict judge(const Finished& finished);

// The same question for endings that only the master sees.
bool counts_as_attempt(Ending ending);

// One line for people: "sandbox error: HTTP 500", "overload (outcome 21)".
std::string describe(const Finished& finished);

}  // namespace docket
