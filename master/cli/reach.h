// Whether something listens at an address: a TCP connection through libcurl, and nothing sent. One
// thread.
#pragma once

#include "protocol/base/address.h"
#include "protocol/base/result.h"

namespace docket::cli {

// unavailable with the reason, after 5 s at the most.
Status reach(const Address& address);

}  // namespace docket::cli
