#include "master/http/api/new_key.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "protocol/base/digest.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

using nlohmann::json;

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

Status read_number(const json& value, const std::string& name, std::uint32_t least,
                   std::uint32_t most, std::uint32_t& out) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least ||
      value.get<std::uint64_t>() > most) {
    return invalid(name + " must be a whole number from " + std::to_string(least) + " to " +
                   std::to_string(most));
  }
  out = value.get<std::uint32_t>();
  return ok_status();
}

Status read_tags(const json& value, std::vector<std::string>& tags) {
  const auto is_tag = [](const json& tag) {
    return tag.is_string() && acceptable_agent_name(tag.get<std::string>());
  };
  if (!value.is_array() || value.size() > kMaxTags || !std::ranges::all_of(value, is_tag)) {
    return invalid("require_tags must be a list of at most " + std::to_string(kMaxTags) +
                   " tags of 1 to 64 letters, digits, '-', '_' or '.'");
  }
  tags = value.get<std::vector<std::string>>();
  return ok_status();
}

Status read_member(const std::string& name, const json& value, ApiKey& key) {
  constexpr auto kAny = std::numeric_limits<std::uint32_t>::max();
  if (name == "name") {
    if (!value.is_string() || !acceptable_agent_name(value.get<std::string>())) {
      return invalid("name must be 1 to 64 letters, digits, '-', '_' or '.'");
    }
    key.name = value.get<std::string>();
    return ok_status();
  }
  if (name == "secret") {
    const auto* secret = value.get_ptr<const std::string*>();
    const bool good = secret != nullptr && secret->size() >= kMinSecretBytes &&
                      secret->size() <= kMaxSecretBytes &&
                      std::ranges::all_of(*secret, [](char c) { return c > ' ' && c <= '~'; });
    if (!good) {
      return invalid("secret must be " + std::to_string(kMinSecretBytes) + " to " +
                     std::to_string(kMaxSecretBytes) +
                     " printable ASCII characters without blanks");
    }
    key.hash = sha256_hex(*secret);
    return ok_status();
  }
  if (name == "hourly_rate") return read_number(value, name, 0, kAny, key.hourly_rate);
  if (name == "max_queued") return read_number(value, name, 0, kAny, key.max_queued);
  if (name == "weight") return read_number(value, name, 1, kMaxKeyWeight, key.weight);
  if (name == "priority") {
    const auto priority =
        value.is_string() ? priority_of(value.get<std::string>()) : std::optional<Priority>();
    if (!priority) return invalid("priority must be high, normal or low");
    key.priority = *priority;
    return ok_status();
  }
  if (name == "may_async") {
    if (!value.is_boolean()) return invalid("may_async must be true or false");
    key.may_async = value.get<bool>();
    return ok_status();
  }
  if (name == "require_tags") return read_tags(value, key.tags);
  return invalid("unknown member '" + name +
                 "'; there are name, secret, hourly_rate, max_queued, weight, priority, may_async, "
                 "require_tags");
}

}  // namespace

Result<ApiKey> read_new_key(const std::string& body) {
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object with name and secret");
  ApiKey key;
  for (const auto& [name, value] : request.items()) {
    if (auto read = read_member(name, value, key); !read) return read.error();
  }
  if (key.name.empty()) return invalid("name is missing");
  if (key.hash.empty()) return invalid("secret is missing");
  return key;
}

}  // namespace docket::http
