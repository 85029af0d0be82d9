// Programs that the doctor runs on the sandbox itself. One thread; none takes more than 14 s.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/facts.h"
#include "protocol/base/address.h"

namespace docket::agent {

// A canary in each language that has one, at most `at_once` at a time.
std::vector<Trial> run_canaries(const Address& jobe, const std::string& api_key,
                                const std::vector<Language>& languages, std::uint32_t at_once);

// So many programs that sleep for two seconds, begun together; nothing where no language of theirs
// is there, or none of them told when it ran.
std::optional<Together> run_sleepers(const Address& jobe, const std::string& api_key,
                                     const std::vector<Language>& languages, std::uint32_t count);

// How many of the spans of time overlap at most.
std::uint32_t most_at_once(std::vector<std::pair<std::int64_t, std::int64_t>> spans);

}  // namespace docket::agent
