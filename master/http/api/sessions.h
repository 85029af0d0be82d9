// Browsers that have logged in: a random name in a cookie stands for a token, for some hours. Any
// thread. In memory only: a restart logs everybody out.
//
// Invariants: names are kept as hashes; at most kMost at once, the oldest goes.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"

namespace docket::http {

class Sessions {
 public:
  static constexpr MonoMs kLastsMs = MonoMs{12} * 3'600 * 1'000;  // a working day
  static constexpr std::size_t kMost = 1'000;

  // The new session's name, 64 hex digits.
  std::string begin(const std::string& token_hash, MonoMs now);
  // The hash of the token it stands for.
  std::optional<std::string> token_of(std::string_view name, MonoMs now);
  // False when there is none of that name.
  bool end(std::string_view name);

 private:
  struct Session {
    std::string token_hash;
    MonoMs until = 0;
  };

  std::mutex mutex_;
  std::map<std::string, Session, std::less<>> sessions_;  // by hash of the name; guarded by mutex_
};

// The cookie that carries the name.
inline constexpr std::string_view kSessionCookie = "docket_session";
// Its value in a Cookie header; empty when it is not there.
std::string_view session_in(std::string_view cookies);

}  // namespace docket::http
