// Reads the body of POST /api/v1/keys. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "master/core/api_key.h"
#include "protocol/base/result.h"

namespace docket::http {

// A guess must be hopeless: hashes of shorter secrets can be searched.
inline constexpr std::size_t kMinSecretBytes = 16;
inline constexpr std::size_t kMaxSecretBytes = 128;

// An object with name, secret and, each with a default, hourly_rate, max_queued, weight, priority,
// may_async, require_tags. Only the secret's hash is kept. invalid names the member and what it
// must be.
Result<ApiKey> read_new_key(const std::string& body);

}  // namespace docket::http
