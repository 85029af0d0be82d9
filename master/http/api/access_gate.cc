#include "master/http/api/access_gate.h"

#include "master/http/api/json_answer.h"
#include "master/http/tokens.h"
#include "protocol/base/digest.h"

namespace docket::http {
namespace {

constexpr std::string_view kBearer = "bearer ";

// Takes as long wherever they differ.
bool equal_in_constant_time(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  volatile unsigned char differs = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    differs = static_cast<unsigned char>(differs | (left[i] ^ right[i]));
  }
  return differs == 0;
}

// Only the token itself; an Authorization of another scheme is none of ours.
std::optional<std::string_view> bearer_of(const Request& request) {
  const std::string_view value = request.header("authorization");
  if (!equal_ignoring_case(value.substr(0, kBearer.size()), kBearer)) return std::nullopt;
  return value.substr(kBearer.size());
}

Response unauthorized(std::string_view text) {
  Response response = problem(401, text);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"docket\"");
  return response;
}

Caller caller_of(const AccessToken& token, std::string from, bool by_cookie) {
  return {token.name, token.role, token.source, std::move(from), by_cookie};
}

}  // namespace

AccessGate::AccessGate(const Published<Snapshot>& published, Settings settings, Logger log)
    : published_(published), settings_(std::move(settings)), log_(std::move(log)) {}

std::variant<Caller, Response> AccessGate::admit(const Request& request, MonoMs now) {
  std::string from = address_of(request);
  if (const auto bearer = bearer_of(request)) {
    auto token = check(from, *bearer, now);
    if (auto* refused = std::get_if<Response>(&token)) return std::move(*refused);
    return caller_of(std::get<AccessToken>(token), std::move(from), false);
  }
  if (const auto name = session_in(request.header("cookie")); !name.empty()) {
    // A revoked token ends its sessions; an old cookie is as none.
    const auto hash = sessions_.token_of(name, now);
    if (const auto token = hash ? by_hash(*hash) : std::nullopt) {
      return caller_of(*token, std::move(from), true);
    }
  }
  if (settings_.local_is_admin && is_loopback(request.peer) && !is_forwarded(request)) {
    return Caller{"local", Role::admin, true, std::move(from), false};
  }
  return unauthorized("a token is needed here: docket login, or Authorization: Bearer");
}

std::optional<Response> AccessGate::refusal(const Caller& caller, Need need) {
  const auto wants = [&](Role least) -> std::optional<Response> {
    if (caller.role >= least) return std::nullopt;
    return problem(403, "this needs the role " + std::string(role_name(least)) + "; " +
                            caller.name + " has " + std::string(role_name(caller.role)));
  };
  switch (need) {
    case Need::nothing:
      return std::nullopt;
    case Need::read:
      return wants(Role::read);
    case Need::source:
      if (caller.source) return std::nullopt;
      return problem(403, caller.name +
                              " may not see what students submit and get: that needs a "
                              "token made with --source");
    case Need::operate:
      return wants(Role::operate);
    case Need::admin:
      return wants(Role::admin);
    case Need::nobody:
      break;
  }
  return problem(403, "nobody may do this");
}

std::variant<AccessGate::Begun, Response> AccessGate::begin_session(const Request& request,
                                                                    std::string_view token,
                                                                    MonoMs now) {
  std::string from = address_of(request);
  auto checked = check(from, token, now);
  if (auto* refused = std::get_if<Response>(&checked)) return std::move(*refused);
  const AccessToken& known = std::get<AccessToken>(checked);
  std::string cookie =
      std::string(kSessionCookie) + "=" + sessions_.begin(known.hash, now) +
      "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(Sessions::kLastsMs / 1'000);
  if (is_encrypted(request, settings_.proxies)) cookie += "; Secure";
  return Begun{caller_of(known, std::move(from), true), std::move(cookie)};
}

std::string AccessGate::end_session(const Request& request) {
  sessions_.end(session_in(request.header("cookie")));
  return std::string(kSessionCookie) + "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
}

std::variant<AccessToken, Response> AccessGate::check(const std::string& from,
                                                      std::string_view token, MonoMs now) {
  const std::string network = network_of(from);
  const auto wait_s = [&] {
    std::lock_guard lock(mutex_);
    return guesses_.wait_s(network, now);
  }();
  if (wait_s > 0) {
    Response refused = problem(
        429, "too many wrong tokens came from " + from + ": wait " + std::to_string(wait_s) + " s");
    refused.headers.emplace_back("Retry-After", std::to_string(wait_s));
    return refused;
  }
  if (auto known = by_hash(sha256_hex(token))) return std::move(*known);
  {
    std::lock_guard lock(mutex_);
    guesses_.was_wrong(network, now);
  }
  log_->warn("access=refused from={} reason=\"unknown token\"", from);
  return unauthorized("this token is not known; it may have been revoked");
}

std::optional<AccessToken> AccessGate::by_hash(std::string_view hash) const {
  const auto tokens = published_.get()->access;
  std::optional<AccessToken> found;
  for (const auto& [name, token] : *tokens) {
    if (equal_in_constant_time(token.hash, hash)) found = token;
  }
  return found;
}

}  // namespace docket::http
