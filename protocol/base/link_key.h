// Keys of the link between agents and master: CURVE key pairs (X25519), as 64 hex digits, and the
// files that hold them. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket {

inline constexpr std::size_t kLinkKeyBytes = 32;

struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

// 64 hex digits of lower case.
bool is_link_key(std::string_view text);
KeyPair make_key_pair();
std::string public_key_of(const std::string& secret_key);

// What people compare: 128 bits of a digest of the public key, in groups of four digits.
std::string fingerprint_of(const std::string& public_key);

std::string key_bytes(std::string_view key);  // the 32 bytes that the digits stand for
std::string key_text(std::string_view bytes);

// The key pair in the file `path`; not_found when there is none. denied when others than its owner
// may read it, corrupt when it holds no key; the message says what helps.
Result<KeyPair> load_key_pair(const std::string& path);
// The same, but makes one, readable by its owner alone, when there is none.
Result<KeyPair> load_or_make_key_pair(const std::string& path);

}  // namespace docket
