// The token by which a host joins: one line of text that says where the master is, which key it
// must prove, and a secret that lets the host say Join. Pure functions, any thread.
//
//   docket-join-1.PAYLOAD   PAYLOAD is base 64 with '-' and '_', without padding, of:
//   expiry (8 bytes, big endian, ms since 1970) | master's public key (32) | secret key (32) |
//   master's HOST:PORT | the first 8 bytes of SHA-256 over all before, "docket-join-1." included
//
// The secret is itself the secret key of a CURVE pair: it never travels, and the master knows a
// digest of the public key that it makes.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/address.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket {

struct JoinToken {
  Address master;
  std::string master_key;  // public
  std::string secret_key;
  WallMs expires = 0;
};

std::string token_text(const JoinToken& token);

// Blanks around it and line breaks within are ignored, as pasting makes them. invalid with the
// reason when it is cut, changed or none; whether it has expired is the master's to say.
Result<JoinToken> parse_token(std::string_view text);

}  // namespace docket
