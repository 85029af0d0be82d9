#include "master/http/api/preferences.h"

#include <charconv>

#include "master/http/tokens.h"

namespace docket::http {
namespace {

// Longer waits are cut to this; the queue's own limit comes sooner.
constexpr std::uint32_t kMostWaitSeconds = 86'400;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the text up to `separator` off the front.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::optional<std::uint32_t> seconds_of(std::string_view text) {
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) {
    text = text.substr(1, text.size() - 2);
  }
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return kMostWaitSeconds;
  return error == std::errc() ? std::optional(std::min(seconds, kMostWaitSeconds)) : std::nullopt;
}

}  // namespace

Patience patience_of(const Request& request) {
  Patience patience;
  for (const auto& [name, value] : request.headers) {
    if (name != "prefer") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      std::string_view preference = take_until(rest, ',');
      std::string_view word = take_until(preference, ';');  // its parameters mean nothing here
      const std::string_view token = take_until(word, '=');
      if (equal_ignoring_case(token, "respond-async")) patience.respond_async = true;
      if (equal_ignoring_case(token, "wait") && !patience.wait_s) {
        patience.wait_s = seconds_of(trimmed(word));
      }
    }
  }
  return patience;
}

std::string applied(const Patience& patience, bool gave_id) {
  std::string text = gave_id && patience.respond_async ? "respond-async" : "";
  if (patience.wait_s) {
    text += (text.empty() ? "wait=" : ", wait=") + std::to_string(*patience.wait_s);
  }
  return text;
}

Result<std::string> idempotency_key_of(const Request& request) {
  if (!request.has("idempotency-key")) return std::string();
  std::string_view value = trimmed(request.header("idempotency-key"));
  if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
    value = value.substr(1, value.size() - 2);
  }
  const bool printable =
      std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != '"'; });
  if (value.empty() || value.size() > kMaxIdempotencyKeyBytes || !printable) {
    return Error{ErrorCode::invalid, "Idempotency-Key must be 1 to " +
                                         std::to_string(kMaxIdempotencyKeyBytes) +
                                         " printable ASCII characters, such as a UUID"};
  }
  return std::string(value);
}

}  // namespace docket::http
