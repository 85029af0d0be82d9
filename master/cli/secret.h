// The secrets of API keys: made here, or those that a site has already. One thread.
#pragma once

#include <cstddef>
#include <string>

#include "protocol/base/result.h"

namespace docket::cli {

inline constexpr std::size_t kSecretLetters = 40;  // of 62 kinds: 238 bits

// Letters and digits from the system's random numbers (getrandom(2)), each as likely as any other.
std::string make_secret();

// The content of the file `path`, or of standard input for "-", without line ends behind it.
// Whether it will do as a secret is the master's to say.
Result<std::string> read_secret(const std::string& path);

}  // namespace docket::cli
