#include "master/http/api/hold_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace docket::http {

Result<HoldOrder> read_hold_order(const std::string& body, bool may_have_deadline) {
  const auto invalid = [](std::string text) { return Error{ErrorCode::invalid, std::move(text)}; };
  const auto request = nlohmann::json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object with a reason");
  HoldOrder order;
  for (const auto& [name, value] : request.items()) {
    if (name == "reason") {
      const auto* text = value.get_ptr<const std::string*>();
      const bool good = text != nullptr && !text->empty() && text->size() <= kMaxReasonBytes &&
                        std::ranges::none_of(*text, [](unsigned char c) { return c < ' '; });
      if (!good) {
        return invalid("reason must be a line of 1 to " + std::to_string(kMaxReasonBytes) +
                       " bytes: it is shown to whoever wonders");
      }
      order.reason = *text;
    } else if (name == "deadline_s" && may_have_deadline) {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxDeadlineSeconds) {
        return invalid("deadline_s must be a whole number from 0 to " +
                       std::to_string(kMaxDeadlineSeconds));
      }
      order.deadline_s = value.get<std::uint32_t>();
    } else {
      return invalid("unknown member '" + name + "'; there is reason" +
                     (may_have_deadline ? ", and deadline_s" : ""));
    }
  }
  if (order.reason.empty()) return invalid("reason is missing: say why, others will ask");
  return order;
}

}  // namespace docket::http
