// POST /api/v1/files/gc: which support files are to go. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/base/result.h"

namespace docket::http {

// In one request: its reactor's other clients wait meanwhile.
inline constexpr std::size_t kMostRemovedFiles = 1'000;
inline constexpr std::uint64_t kMaxUnusedDays = 3'650;

// From {"unused_days": N}: for how long a file must not have been used, in ms. invalid names the
// member and what it must be.
Result<std::int64_t> read_unused_age(const std::string& body);

// {"removed":N,"more":bool}; `more`: asking again may remove more.
std::string removed_json(std::size_t removed, bool more);

}  // namespace docket::http
