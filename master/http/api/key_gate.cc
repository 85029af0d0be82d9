#include "master/http/api/key_gate.h"

#include <cmath>

#include "master/http/api/jobe_api.h"
#include "protocol/base/digest.h"

namespace docket::http {
namespace {

constexpr double kHourMs = 3'600'000;

// The key of the request, nullptr when the API is open, or what to answer.
std::variant<const ApiKey*, Response> key_of(const Request& request, const ApiKeys& keys) {
  if (keys.empty()) return nullptr;
  if (!request.has("x-api-key")) return text_response(403, "Missing API key");
  const auto found = keys.find(sha256_hex(request.header("x-api-key")));
  if (found == keys.end()) return text_response(403, "Unknown API key");
  return &found->second;
}

}  // namespace

std::variant<Guest, Response> KeyGate::admit(const Request& request, bool counts, MonoMs now) {
  const auto keys = published_.get()->keys;
  auto key = key_of(request, *keys);
  if (auto* refused = std::get_if<Response>(&key)) return std::move(*refused);
  const ApiKey* known = std::get<const ApiKey*>(key);
  if (known == nullptr) return Guest{};
  if (counts) {
    if (auto refused = draw(*known, *keys, now)) return std::move(*refused);
  }
  return Guest{known->name, known->may_async};
}

std::optional<Response> KeyGate::draw(const ApiKey& key, const ApiKeys& keys, MonoMs now) {
  if (key.hourly_rate == 0) return std::nullopt;
  const double full = key.hourly_rate;
  std::lock_guard lock(mutex_);
  if (buckets_.size() > keys.size()) {
    std::erase_if(buckets_, [&](const auto& entry) { return !keys.contains(entry.first); });
  }
  const auto [entry, fresh] = buckets_.try_emplace(key.hash, Bucket{full, now});
  Bucket& bucket = entry->second;
  const double back = static_cast<double>(now - bucket.at) * full / kHourMs;
  bucket.left = std::min(full, bucket.left + back);
  bucket.at = now;
  if (bucket.left < 1) {
    const double wait_s = (1 - bucket.left) * kHourMs / full / 1'000;
    Response refused = text_response(429, "Max RUN rate for this server exceeded");
    refused.headers.emplace_back("Retry-After",
                                 std::to_string(static_cast<long>(std::ceil(wait_s))));
    return refused;
  }
  bucket.left -= 1;
  return std::nullopt;
}

}  // namespace docket::http
