// Reads the body of POST /api/v1/agents/NAME/cordon and drain. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/base/result.h"

namespace docket::http {

inline constexpr std::size_t kMaxReasonBytes = 200;
inline constexpr std::uint32_t kMaxDeadlineSeconds = 86'400;

struct HoldOrder {
  std::string reason;                       // for people: shown wherever the agent is
  std::optional<std::uint32_t> deadline_s;  // of a drain
};

// {"reason": text} and, of a drain, "deadline_s". invalid names the member and what it must be.
Result<HoldOrder> read_hold_order(const std::string& body, bool may_have_deadline);

}  // namespace docket::http
