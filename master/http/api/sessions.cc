#include "master/http/api/sessions.h"

#include <sys/random.h>

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/base/digest.h"

namespace docket::http {

std::string Sessions::begin(const std::string& token_hash, MonoMs now) {
  char random[32];
  CHECK_THAT(::getrandom(random, sizeof random, 0) == static_cast<ssize_t>(sizeof random));
  std::string name = sha256_hex({random, sizeof random});  // as hex digits, and nothing lost
  std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.until <= now; });
  if (sessions_.size() >= kMost) {
    sessions_.erase(std::ranges::min_element(sessions_, {},
                                             [](const auto& entry) { return entry.second.until; }));
  }
  sessions_[sha256_hex(name)] = {token_hash, now + kLastsMs};
  return name;
}

std::optional<std::string> Sessions::token_of(std::string_view name, MonoMs now) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sha256_hex(name));
  if (found == sessions_.end() || found->second.until <= now) return std::nullopt;
  return found->second.token_hash;
}

bool Sessions::end(std::string_view name) {
  std::lock_guard lock(mutex_);
  return sessions_.erase(sha256_hex(name)) > 0;
}

std::string_view session_in(std::string_view cookies) {
  while (!cookies.empty()) {
    const auto end = cookies.find(';');
    std::string_view pair = cookies.substr(0, end);
    cookies = end == std::string_view::npos ? std::string_view() : cookies.substr(end + 1);
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(kSessionCookie) && pair.substr(kSessionCookie.size()).starts_with('=')) {
      return pair.substr(kSessionCookie.size() + 1);
    }
  }
  return {};
}

}  // namespace docket::http
