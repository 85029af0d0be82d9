// What a client says in Prefer (RFC 7240) and Idempotency-Key (IETF draft). Pure.
#pragma once

#include <cstddef>
#include <string>

#include "master/core/events.h"
#include "master/http/server.h"

namespace docket::http {

// respond-async and wait=SECONDS; the first of each counts, what cannot be read is no preference.
Patience patience_of(const Request& request);

// For Preference-Applied: what of it the answer heeds, which is the run's id or something better.
std::string applied(const Patience& patience, bool gave_id);

inline constexpr std::size_t kMaxIdempotencyKeyBytes = 200;

// The key without its quotes; empty when there is none. invalid when it is no key.
Result<std::string> idempotency_key_of(const Request& request);

}  // namespace docket::http
