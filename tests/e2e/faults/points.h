// Where the process that this library is preloaded into shall die, or stop for a while: a list of
// calls that must happen in this order, the last of which is the end. Read from the environment
// once, at the first call:
//
//   DOCKET_FAULT_STEPS   a pattern a line (fnmatch) for "MOMENT CALL DETAIL", as in
//                        "after zmq_msg_recv Finished"
//   DOCKET_FAULT_DELAY_MS  so long after the last step, instead of in the middle of the call
//   DOCKET_FAULT_HOLD_MS   do not die, but let the call of the last step take so long
//   DOCKET_FAULT_MARK    the file that is to say where it died or stopped
//
// Any thread may call. The end is SIGKILL to ourselves: nothing is flushed, closed or said.
#pragma once

#include <string>
#include <string_view>

namespace docket::faults {

// `half`: a call that writes has written half of its bytes.
enum class Moment { before, half, after };

// False where there is nothing to wait for, or not any more; calls then cost one load.
bool waiting();
// Takes the step if this is the next one, and dies if that was the last.
void reach(Moment moment, const char* call, std::string_view detail);
// True when this call, done by half, would be the last step. The caller does that and then dies by
// reach(Moment::half).
bool ends_halfway(const char* call, std::string_view detail);

// The beginning of `bytes` in one line of printable characters.
std::string excerpt(const void* bytes, std::size_t size);

}  // namespace docket::faults
