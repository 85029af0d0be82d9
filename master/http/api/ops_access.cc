// The operations API's own doors and books: sessions, tokens, the audit list, purges.
#include "master/http/api/access_requests.h"
#include "master/http/api/json_answer.h"
#include "master/http/api/ops_api.h"

namespace docket::http {
namespace {

// From wherever the API stands, behind a proxy's prefix too.
constexpr const char* kPageFromSession = "../../";
constexpr const char* kSessionPath = "/api/v1/session";

}  // namespace

std::optional<Response> OpsApi::show_session(Call&& call, const std::string&) {
  return json_response(session_json(call.caller));
}

std::optional<Response> OpsApi::begin_session(Call&& call, const std::string&) {
  const bool form = is_form(call);
  if (!form && !is_json(call)) return not_json();
  const auto token = read_login(call);
  if (!token) return problem(token.error());
  auto begun = parts_.gate.begin_session(call, *token, read_clock().mono);
  if (auto* refused = std::get_if<Response>(&begun)) {
    if (!form) return std::move(*refused);
    return login_page(kSessionPath, refused->status,
                      refused->status == 429 ? "Too many wrong tokens: wait a little."
                                             : "This token is not known.");
  }
  auto& [caller, cookie] = std::get<AccessGate::Begun>(begun);
  call.caller = std::move(caller);
  post_(Record{entry_of(call, "")});
  Response response = json_response(session_json(call.caller));
  if (form) {
    response = Response{};
    response.status = 303;
    response.headers.emplace_back("Location", kPageFromSession);
    response.headers.emplace_back("Cache-Control", "no-store");
  }
  response.headers.emplace_back("Set-Cookie", std::move(cookie));
  return response;
}

std::optional<Response> OpsApi::end_session(Call&& call, const std::string&) {
  if (!call.caller.by_cookie) return problem(409, "this request belongs to no session");
  post_(Record{entry_of(call, "")});
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie", parts_.gate.end_session(call));
  return response;
}

std::optional<Response> OpsApi::list_tokens(Call&&, const std::string&) {
  return json_response(tokens_json(*parts_.published.get()->access));
}

std::optional<Response> OpsApi::create_token(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  auto token = read_new_token(call.body);
  if (!token) return problem(token.error());
  std::string on = token->name + " (" + std::string(role_name(token->role)) +
                   (token->source ? ", source)" : ")");
  order(call, std::move(on), "", GrantAccess{call.id, std::move(*token)});
  return std::nullopt;
}

std::optional<Response> OpsApi::revoke_token(Call&& call, const std::string& id) {
  order(call, id, "", RevokeAccess{call.id, id});
  return std::nullopt;
}

std::optional<Response> OpsApi::list_audit(Call&& call, const std::string&) {
  const auto filter = read_audit_query(call.query);
  if (!filter) return problem(filter.error());
  const auto records = parts_.audit.list(*filter);
  if (!records) return problem(records.error());
  return json_response(audit_json(*records, filter->limit));
}

std::optional<Response> OpsApi::purge_jobs(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  const auto asked = read_purge(call.body);
  if (!asked) return problem(asked.error());
  const WallMs before = read_clock().wall - asked->older_than_ms;
  if (asked->dry_run) {
    const auto jobs = parts_.jobs.count_with_bodies(before);
    return jobs ? json_response(purge_json(*jobs, true)) : problem(jobs.error());
  }
  order(call, "ended before " + rfc3339(before), "", PurgeBodies{call.id, before});
  return std::nullopt;
}

}  // namespace docket::http
