// Reads the body of POST /api/v1/agents/tokens and makes the token. Pure but for the random numbers
// of its secret, which is in the answer and kept nowhere.
#pragma once

#include <string>

#include "master/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket::http {

// What joining hosts need to know of this master.
struct LinkFacts {
  std::string public_key;  // empty: the link is plain, and nobody joins
  Address address;         // where agents reach it
};

// An object with, each with a default, ttl_s, uses, tags, approve and master (HOST:PORT as the
// hosts see it). invalid names the member and what it must be; conflict when the link is plain.
Result<CreateJoinToken> read_new_join_token(const std::string& body, const LinkFacts& link,
                                            WallMs now);

}  // namespace docket::http
