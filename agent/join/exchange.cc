#include "agent/join/exchange.h"

#include <poll.h>

#include "protocol/base/clock.h"

namespace docket::agent {
namespace {

constexpr MonoMs kPatienceMs = 15'000;
// A master that is being started cuts connections too.
constexpr MonoMs kBrokenPatienceMs = 2'000;
constexpr int kLookAgainMs = 50;

const Standing* standing_in(const std::vector<Event>& events) {
  for (const Event& event : events) {
    const auto* from = std::get_if<FromMaster>(&event);
    const auto* standing = from == nullptr ? nullptr : std::get_if<Standing>(&from->message);
    if (standing != nullptr) return standing;
  }
  return nullptr;
}

}  // namespace

Result<Standing> ask_master(const Address& master, const std::optional<DialKeys>& keys,
                            const ToMaster& question) {
  auto dealer = Dealer::connect(master, keys);
  if (!dealer) return dealer.error();
  const MonoMs begun = read_clock().mono;
  MonoMs broken_since = kNever;
  bool asked = false;
  for (MonoMs now = begun; now - begun < kPatienceMs; now = read_clock().mono) {
    std::vector<Event> events;
    (*dealer)->receive(16, events);
    if (const Standing* standing = standing_in(events)) return *standing;
    if ((*dealer)->trouble() == LinkTrouble::refused) {
      return Error{ErrorCode::denied, master.text() + " turns this key away"};
    }
    if ((*dealer)->trouble() == LinkTrouble::broken) {
      broken_since = std::min(broken_since, now);
      if (now - broken_since >= kBrokenPatienceMs) {
        return Error{ErrorCode::unavailable,
                     "whoever listens on " + master.text() +
                         " does not prove the expected master's key: another master, a changed "
                         "key, or none"};
      }
    }
    // Without a connection it is not taken.
    if (!asked) asked = (*dealer)->send(question);
    pollfd wait{(*dealer)->fd(), POLLIN, 0};
    if (!(*dealer)->pending()) ::poll(&wait, 1, kLookAgainMs);
  }
  return Error{ErrorCode::unavailable,
               asked ? "the master at " + master.text() + " took the question and gave no answer"
                     : "no answer from " + master.text() +
                           ": is docket-master running there, and its --agents-listen reachable?"};
}

}  // namespace docket::agent
