#include "master/http/api/files_order.h"

#include <nlohmann/json.hpp>

namespace docket::http {

Result<std::int64_t> read_unused_age(const std::string& body) {
  const auto order = nlohmann::json::parse(body, nullptr, false);
  if (!order.is_object() || order.size() != 1 || !order.contains("unused_days")) {
    return Error{ErrorCode::invalid, "the body must be a JSON object with unused_days alone"};
  }
  const auto& days = order["unused_days"];
  if (!days.is_number_unsigned() || days.get<std::uint64_t>() > kMaxUnusedDays) {
    return Error{ErrorCode::invalid,
                 "unused_days must be a whole number from 0 to " + std::to_string(kMaxUnusedDays)};
  }
  return days.get<std::int64_t>() * 24 * 3'600'000;
}

std::string removed_json(std::size_t removed, bool more) {
  return nlohmann::ordered_json({{"removed", removed}, {"more", more}}).dump();
}

}  // namespace docket::http
