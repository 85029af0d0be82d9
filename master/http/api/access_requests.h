// What the routes of access read and write: new tokens, sessions, the audit list, purges. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/access.h"
#include "master/core/audit.h"
#include "master/http/api/access_gate.h"
#include "master/http/server.h"
#include "protocol/base/result.h"

namespace docket::http {

// A guess must be hopeless. What `docket tokens create` makes has 238 bits.
inline constexpr std::size_t kMinTokenBytes = 32;
inline constexpr std::size_t kMaxTokenBytes = 128;

// {"name", "token", "role", "source"}, the last false when it is absent. Only the token's hash is
// kept. invalid names the member and what it must be.
Result<AccessToken> read_new_token(const std::string& body);

// The token of {"token": text} or, of a form, token=text.
Result<std::string> read_login(const Request& request);
// It came from the log-in page's form, not from a program.
bool is_form(const Request& request);

struct PurgeOrder {
  std::int64_t older_than_ms = 0;
  bool dry_run = false;
};
// {"older_than_s": n, "dry_run": false}; n is an hour at least.
Result<PurgeOrder> read_purge(const std::string& body);

// who, what, before, limit.
Result<AuditFilter> read_audit_query(std::string_view query);

std::string tokens_json(const AccessTokens& tokens);
std::string session_json(const Caller& caller);
// `most`: how many were asked for; as many mean that there may be more.
std::string audit_json(const std::vector<AuditRecord>& records, std::size_t most);
std::string purge_json(std::uint64_t jobs, bool dry_run);

// Why, in the caller's words: the header Docket-Reason, cut where it is too long.
std::string reason_of(const Request& request);

// A page with a form for the token, for a browser that asked for `path`. Needs no script and no
// other file. `problem` is shown when it is not empty.
Response login_page(std::string_view path, int status, std::string_view problem);

}  // namespace docket::http
