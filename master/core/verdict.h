// Whose fault an ended attempt is, and so what becomes of the job. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/messages.h"

namespace docket {

enum class Verdict {
  answer,     // the sandbox's answer is the client's
  doubtful,   // out of time, perhaps by its host's haste: once more, where there is room
  elsewhere,  // the host's fault: another host, and the attempt counts
  again,      // nothing was started: any host, and the attempt does not count
};

// Tasks that want a core, in percent of the cores, above which outcome 13 may be the host's doing.
// Jobe kills a program after twice its CPU limit of wall time, so one within its limit is killed
// where it gets less than half a core: at 200, were cores shared out evenly.
inline constexpr std::uint32_t kCrowdedPercent = 120;
inline constexpr std::uint32_t kHalfCorePercent = 200;

// The rules are the design's third promise: outcome 20 and 21, a sandbox's own complaint inside an
// answer, and everything that is no answer, are never a student's mark; 400 is the client's own.
// A run that took less than `by_clock_ms` was not ended by the clock.
Verdict judge(const Finished& finished, std::uint32_t by_clock_ms);

// The run may have begun there, so that the host or the program may be to blame. Outcome 21 is a
// sandbox's word that it did not: a host that gives it at once would use up a job's attempts before
// it has a user free again.
bool counts_as_attempt(Ending ending, std::uint32_t outcome);

// It was killed for its wall time on a host with too much to do; else, when it is doubtful, while
// it was compiled.
bool crowded_out(const Finished& finished, std::uint32_t by_clock_ms);

// One line for people: "sandbox error: HTTP 500", "overload (outcome 21)".
std::string describe(const Finished& finished);

}  // namespace docket
