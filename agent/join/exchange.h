// One question to the master on a connection of its own, for joining and leaving. One thread.
#pragma once

#include <optional>

#include "agent/net/dealer.h"
#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket::agent {

// Sends `question` once the master has proved its key, and waits for what it makes of it. Nothing
// is sent to a peer that proves no such key. denied when the master turns the own key away,
// unavailable when nobody answers or the peer is not that master; the message says what to look at.
// Without keys the link is plain, which is for loopback.
Result<Standing> ask_master(const Address& master, const std::optional<DialKeys>& keys,
                            const ToMaster& question);

}  // namespace docket::agent
