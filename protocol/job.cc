#include "protocol/job.h"

namespace docket {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

int digit_value(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string JobId::text() const {
  // 26 digits of 5 bits are 130 bits: the first digit holds only the top 3.
  std::string out(kJobIdTextBytes, '0');
  std::uint64_t high = hi;
  std::uint64_t low = lo;
  for (std::size_t i = kJobIdTextBytes; i-- > 0;) {
    out[i] = kAlphabet[low & 31u];
    low = (low >> 5) | (high << 59);
    high >>= 5;
  }
  return out;
}

std::optional<JobId> JobId::parse(std::string_view text) {
  if (text.size() != kJobIdTextBytes || text.front() > '7') return std::nullopt;
  JobId id;
  for (const char c : text) {
    const int value = digit_value(c);
    if (value < 0) return std::nullopt;
    id.hi = (id.hi << 5) | (id.lo >> 59);
    id.lo = (id.lo << 5) | static_cast<std::uint64_t>(value);
  }
  return id;
}

JobId make_job_id(WallMs wall, const std::array<std::uint8_t, 10>& random) {
  JobId id;
  id.hi = static_cast<std::uint64_t>(wall) << 16;
  id.hi |= static_cast<std::uint64_t>(random[0]) << 8 | random[1];
  for (std::size_t i = 2; i < random.size(); ++i) id.lo = (id.lo << 8) | random[i];
  return id;
}

std::string outcome_name(int outcome) {
  switch (outcome) {
    case 0:
      return "none";
    case 11:
      return "compile error";
    case 12:
      return "runtime error";
    case 13:
      return "time limit";
    case 15:
      return "ok";
    case 17:
      return "memory limit";
    case 19:
      return "illegal call";
    case 20:
      return "internal error";
    case 21:
      return "overload";
    default:
      return "outcome " + std::to_string(outcome);
  }
}

std::string_view ending_name(Ending ending) {
  switch (ending) {
    case Ending::none:
      return "running";
    case Ending::ran:
      return "ran";
    case Ending::rejected:
      return "rejected";
    case Ending::files_missing:
      return "files missing";
    case Ending::push_failed:
      return "file push failed";
    case Ending::files_unavailable:
      return "files unavailable";
    case Ending::http_error:
      return "sandbox error";
    case Ending::unreachable:
      return "sandbox unreachable";
    case Ending::timed_out:
      return "timed out";
    case Ending::unreadable:
      return "unreadable answer";
    case Ending::expired:
      return "came too late";
    case Ending::cut:
      return "connection cut";
    case Ending::cancelled:
      return "cancelled";
    case Ending::agent_lost:
      return "agent lost";
    case Ending::overdue:
      return "overdue";
    case Ending::evicted:
      return "evicted";
    case Ending::doubted:
      return "doubted";
    case Ending::forgotten:
      return "forgotten by agent";
  }
  return "unknown";
}

}  // namespace docket
