// Whether a host's name stands for an address, and whether a port takes connections. Blocks for as
// long as it is told at the most.
#pragma once

#include "protocol/base/address.h"
#include "protocol/base/result.h"

namespace docket::agent {

// unavailable with the resolver's reason.
Status resolve(const Address& address, int timeout_ms);
// Connects by TCP and closes. unavailable with the system's reason.
Status connect_to(const Address& address, int timeout_ms);

}  // namespace docket::agent
