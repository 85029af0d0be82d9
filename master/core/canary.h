// Canaries as the master uses them: a host that was quarantined must run one in each of its
// languages before it gets students' work again. Pure.
#pragma once

#include <string>
#include <vector>

#include "protocol/canary.h"
#include "protocol/job.h"
#include "protocol/messages.h"

namespace docket {

inline constexpr std::uint32_t kCanaryWallMs = 2'000 * kCanaryCputimeSeconds;

// The language of the canary that can prove that output in `wanted` is carried: the same, or else
// the first of the others that has one; empty when there is none.
std::string canary_language(const std::string& wanted, const std::vector<Language>& languages);

// Why the answer is not the canary's, or empty when it is.
std::string canary_problem(const Finished& finished);

// Their ids begin with 64 zero bits, which no job's does.
constexpr bool is_canary(const JobId& id) {
  return id.hi == 0;
}

}  // namespace docket
