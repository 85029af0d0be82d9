// The door of the operations listener: who asks, by token or session, and how far he may go. Any
// thread.
//
// Where the listener is on loopback and no token is demanded, whoever reaches it from this host is
// "local" and may do everything; a request that any proxy has passed on is never local. Wrong
// tokens are counted by the client's address, and beyond a bound no token of it is looked at.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "master/core/snapshot.h"
#include "master/http/api/client_address.h"
#include "master/http/api/guess_limit.h"
#include "master/http/api/routes.h"
#include "master/http/api/sessions.h"
#include "master/http/server.h"
#include "protocol/base/log.h"
#include "protocol/base/published.h"

namespace docket::http {

struct Caller {
  std::string name;  // the token's, or "local"
  Role role = Role::read;
  bool source = false;  // sees what students submit
  std::string from;     // his address
  bool by_cookie = false;
};

// A request whose sender is known, and the name of what he wants in the audit.
struct OpsCall : Request {
  Caller caller;
  std::string_view action;
};

class AccessGate {
 public:
  struct Settings {
    bool local_is_admin = false;
    TrustedProxies proxies;
  };

  AccessGate(const Published<Snapshot>& published, Settings settings, Logger log);

  // Who it is, or 401, or 429 after too many wrong tokens.
  std::variant<Caller, Response> admit(const Request& request, MonoMs now);
  // 403 when the caller has not what is needed.
  static std::optional<Response> refusal(const Caller& caller, Need need);

  struct Begun {
    Caller caller;
    std::string cookie;  // the value of Set-Cookie
  };
  // Logs a browser in by a token.
  std::variant<Begun, Response> begin_session(const Request& request, std::string_view token,
                                              MonoMs now);
  // The value of Set-Cookie that makes the browser forget.
  std::string end_session(const Request& request);

  std::string address_of(const Request& request) const {
    return client_address(request, settings_.proxies);
  }

 private:
  // The token that a client presents, by itself.
  std::variant<AccessToken, Response> check(const std::string& from, std::string_view token,
                                            MonoMs now);
  std::optional<AccessToken> by_hash(std::string_view hash) const;

  const Published<Snapshot>& published_;
  const Settings settings_;
  const Logger log_;
  Sessions sessions_;
  std::mutex mutex_;
  GuessLimit guesses_;  // guarded by mutex_
};

}  // namespace docket::http
