// Small programs whose output is known: what a sandbox must run before it is believed. The master
// sends them as runs, and docket-agent doctor to the sandbox itself. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace docket {

inline constexpr std::uint32_t kCanaryCputimeSeconds = 10;

// The body of POST runs, or empty when no program is known for the language.
std::string canary_body(std::string_view language);

// Whether a sandbox's answer has what every canary prints.
bool has_canary_output(std::string_view answer);

}  // namespace docket
