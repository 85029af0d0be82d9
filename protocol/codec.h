// Messages to frames and back: one msgpack array a frame, [type, field, field, …].
// Pure functions, any thread. No exception leaves this folder, whatever the bytes are.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket {

std::string encode(const ToMaster& message);
std::string encode(const ToAgent& message);

// corrupt when the frame is not one well-formed message within the bounds of messages.h; the
// message says which field. Elements behind the known ones are ignored, and fields that a later
// version added may be missing, so that neighbouring versions read one another.
Result<ToMaster> decode_to_master(std::string_view frame);
Result<ToAgent> decode_to_agent(std::string_view frame);

}  // namespace docket
