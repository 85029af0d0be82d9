#include "master/http/api/ops_api.h"

#include <cstdio>

#include "master/http/api/access_requests.h"
#include "master/http/api/hold_order.h"
#include "master/http/api/json_answer.h"
#include "master/http/api/new_key.h"
#include "master/http/api/same_site.h"

namespace docket::http {
namespace {

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=UTF-8";
  response.body = std::move(text);
  return response;
}

// A client that says which answer it has is told when that is still the one.
Response unless_known(Response response, std::string_view known) {
  char tag[20];
  std::snprintf(tag, sizeof tag, "\"%016zx\"", std::hash<std::string>()(response.body));
  if (known == tag) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.emplace_back("ETag", tag);
  return response;
}

}  // namespace

OpsApi::OpsApi(Post post, Order order, OpsParts parts, Build build, LinkFacts link,
               std::vector<std::string> names)
    : post_(std::move(post)),
      order_(std::move(order)),
      parts_(parts),
      build_(std::move(build)),
      link_(std::move(link)),
      names_(std::move(names)) {}

std::span<const Route<OpsApi>> OpsApi::routes() {
  using enum Need;
  static constexpr Route<OpsApi> kRoutes[] = {
      {"GET", "/api/v1/status", &OpsApi::status, read},
      {"GET", "/api/v1/history", &OpsApi::history, read},
      {"GET", "/api/v1/agents", &OpsApi::agents, read},
      {"GET", "/api/v1/link", &OpsApi::link, read},
      {"GET", "/api/v1/doctor", &OpsApi::doctor, read},
      {"POST", "/api/v1/agents/tokens", &OpsApi::create_join_token, admin, "agents.token"},
      {"DELETE", "/api/v1/agents/tokens/{id}", &OpsApi::revoke_join_token, admin,
       "agents.token.revoke"},
      {"POST", "/api/v1/agents/{id}/approve", &OpsApi::approve, admin, "agents.approve"},
      {"DELETE", "/api/v1/agents/{id}", &OpsApi::remove_agent, admin, "agents.remove"},
      {"POST", "/api/v1/agents/{id}/cordon", &OpsApi::cordon, operate, "agents.cordon"},
      {"POST", "/api/v1/agents/{id}/drain", &OpsApi::drain, operate, "agents.drain"},
      {"POST", "/api/v1/agents/{id}/resume", &OpsApi::resume, operate, "agents.resume"},
      {"POST", "/api/v1/agents/{id}/test", &OpsApi::test_agent, operate, "agents.test"},
      {"GET", "/api/v1/jobs", &OpsApi::list_jobs, read},
      {"POST", "/api/v1/jobs/purge", &OpsApi::purge_jobs, admin, "jobs.purge"},
      {"GET", "/api/v1/jobs/{id}", &OpsApi::show_job, read},
      {"GET", "/api/v1/jobs/{id}/why", &OpsApi::explain_job, read},
      {"POST", "/api/v1/jobs/{id}/cancel", &OpsApi::cancel_job, operate, "jobs.cancel"},
      {"POST", "/api/v1/jobs/{id}/retry", &OpsApi::retry_job, operate, "jobs.retry"},
      {"POST", "/api/v1/runs", &OpsApi::submit_run, operate, "runs.submit"},
      {"GET", "/api/v1/files", &OpsApi::list_files, read},
      {"DELETE", "/api/v1/files/{id}", &OpsApi::remove_file, operate, "files.remove"},
      {"POST", "/api/v1/files/gc", &OpsApi::remove_unused_files, operate, "files.gc"},
      {"GET", "/api/v1/keys", &OpsApi::list_keys, read},
      {"POST", "/api/v1/keys", &OpsApi::create_key, admin, "keys.create"},
      {"DELETE", "/api/v1/keys/{id}", &OpsApi::revoke_key, admin, "keys.revoke"},
      {"GET", "/api/v1/tokens", &OpsApi::list_tokens, admin},
      {"POST", "/api/v1/tokens", &OpsApi::create_token, admin, "tokens.create"},
      {"DELETE", "/api/v1/tokens/{id}", &OpsApi::revoke_token, admin, "tokens.revoke"},
      {"GET", "/api/v1/session", &OpsApi::show_session, read},
      {"POST", "/api/v1/session", &OpsApi::begin_session, nothing, "session.begin"},
      {"DELETE", "/api/v1/session", &OpsApi::end_session, read, "session.end"},
      {"GET", "/api/v1/audit", &OpsApi::list_audit, admin},
      {"POST", "/api/v1/backup", &OpsApi::backup, admin, "backup"},
      {"GET", "/metrics", &OpsApi::metrics, read},
      {"GET", "/healthz", &OpsApi::healthz, nothing},
      {"GET", "/readyz", &OpsApi::readyz, nothing},
  };
  return kRoutes;
}

std::optional<Response> OpsApi::handle(Request&& request) {
  if (!is_same_site(request.header("host"), request.header("origin"), names_)) {
    return problem(403,
                   "this is neither a page of the master's own nor under a name of its own; "
                   "docket-master --ops-name tells it more names");
  }
  if (JobeApi::owns(request.path)) return handle_jobe(std::move(request));
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  auto found = find_route(routes(), method, request.path);
  if (found.route == nullptr) return other(request, std::move(found.allow));
  auto caller = let_in(request, found.route->need);
  if (auto* refused = std::get_if<Response>(&caller)) return std::move(*refused);
  Call call{std::move(request), std::move(std::get<Caller>(caller)), found.route->action};
  const std::string known(call.header("if-none-match"));
  auto response = (this->*found.route->handler)(std::move(call), found.id);
  if (response && method == "GET" && response->status == 200) {
    return unless_known(std::move(*response), known);
  }
  return response;
}

std::variant<Caller, Response> OpsApi::let_in(const Request& request, Need need) {
  if (need == Need::nothing) {
    Caller anybody;
    anybody.from = parts_.gate.address_of(request);
    return anybody;
  }
  auto caller = parts_.gate.admit(request, read_clock().mono);
  if (std::holds_alternative<Response>(caller)) return caller;
  if (auto refused = AccessGate::refusal(std::get<Caller>(caller), need)) {
    return std::move(*refused);
  }
  return caller;
}

std::optional<Response> OpsApi::handle_jobe(Request&& request) {
  const auto* route = JobeApi::route_of(request.method, request.path);
  auto caller = let_in(request, route == nullptr ? Need::read : route->need);
  if (auto* refused = std::get_if<Response>(&caller)) return std::move(*refused);
  if (route != nullptr && !route->action.empty()) {
    // Before the request itself: it stands there even if that turns out to be refused.
    post_(Record{entry_of(request, std::get<Caller>(caller), route->action,
                          request.path.substr(request.path.rfind('/') + 1), "")});
  }
  return parts_.jobe.handle(std::move(request));
}

Response OpsApi::other(const Request& request, std::string allow) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const web::Asset* file = allow.empty() ? web::find_asset(request.path) : nullptr;
  auto caller = let_in(request, Need::read);
  if (auto* refused = std::get_if<Response>(&caller)) {
    const bool page = file != nullptr && file->content_type.starts_with("text/html");
    return page && method == "GET" ? login_page(request.path, refused->status, "")
                                   : std::move(*refused);
  }
  if (file != nullptr && method == "GET") {
    return unless_known(page_or_file(*file, request), request.header("if-none-match"));
  }
  if (file != nullptr) allow = "GET";
  if (!allow.empty()) {
    Response refused = problem(405, method + " is not possible here, only " + allow);
    refused.headers.emplace_back("Allow", allow);
    return refused;
  }
  if (request.path.starts_with("/api/")) return problem(404, "there is no such resource");
  return plain(404, "There is nothing here. The status page is at /.\n");
}

AuditEntry OpsApi::entry_of(const Request& request, const Caller& caller, std::string_view action,
                            std::string on, std::string why) {
  AuditEntry entry;
  entry.who = caller.name;
  entry.what = std::string(action);
  entry.on = std::move(on);
  entry.why = why.empty() ? reason_of(request) : std::move(why);
  entry.from = caller.from;
  return entry;
}

void OpsApi::order(const Call& call, std::string on, std::string why, Event command) {
  order_(std::move(command), entry_of(call, std::move(on), std::move(why)));
}

Response OpsApi::response_to(const CommandDone& done) {
  if (done.error) return problem(*done.error);
  if (!done.answer.empty()) return json_response(done.answer, 201);
  Response response;
  response.status = 204;
  return response;
}

Response OpsApi::response_to(const Explained& explained) {
  if (explained.why == nullptr) return problem(409, "the run has just ended: ask again");
  return json_response(why_json(*explained.why));
}

std::optional<Response> OpsApi::status(Call&&, const std::string&) {
  return json_response(status_json(*parts_.published.get(), build_));
}

std::optional<Response> OpsApi::agents(Call&&, const std::string&) {
  return json_response(agents_json(*parts_.published.get()));
}

std::optional<Response> OpsApi::link(Call&&, const std::string&) {
  return json_response(link_json(*parts_.published.get(), link_.public_key, link_.address.text()));
}

std::optional<Response> OpsApi::create_join_token(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  auto made = read_new_join_token(call.body, link_, read_clock().wall);
  if (!made) return problem(made.error());
  made->reply_to = call.id;
  std::string on =
      made->token.id.substr(0, kTokenIdShown) + " for " + std::to_string(made->token.uses);
  order(call, std::move(on), "", std::move(*made));
  return std::nullopt;
}

std::optional<Response> OpsApi::revoke_join_token(Call&& call, const std::string& id) {
  order(call, id, "", RevokeJoinToken{call.id, id});
  return std::nullopt;
}

std::optional<Response> OpsApi::approve(Call&& call, const std::string& who) {
  order(call, who, "", ApproveAgent{call.id, who});
  return std::nullopt;
}

std::optional<Response> OpsApi::remove_agent(Call&& call, const std::string& name) {
  bool at_once = false;
  for (const auto& [field, value] : fields_of(call.query)) {
    if (field != "at_once" || (value != "1" && value != "0")) {
      return problem(400, "the query may have at_once=1 or at_once=0");
    }
    at_once = value == "1";
  }
  order(call, name, "", RemoveAgent{call.id, name, at_once});
  return std::nullopt;
}

std::optional<Response> OpsApi::cordon(Call&& call, const std::string& name) {
  return hold(std::move(call), name, Hold::cordon);
}

std::optional<Response> OpsApi::drain(Call&& call, const std::string& name) {
  return hold(std::move(call), name, Hold::drain);
}

std::optional<Response> OpsApi::resume(Call&& call, const std::string& name) {
  order(call, name, "", HoldAgent{call.id, name, Hold::none, {}, {}});
  return std::nullopt;
}

std::optional<Response> OpsApi::test_agent(Call&& call, const std::string& name) {
  order(call, name, "", TestAgent{call.id, name});
  return std::nullopt;
}

std::optional<Response> OpsApi::hold(Call&& call, const std::string& name, Hold hold) {
  if (!is_json(call)) return not_json();
  auto asked = read_hold_order(call.body, hold == Hold::drain);
  if (!asked) return problem(asked.error());
  order(call, name, asked->reason,
        HoldAgent{call.id, name, hold, asked->reason, asked->deadline_s});
  return std::nullopt;
}

std::optional<Response> OpsApi::healthz(Call&&, const std::string&) {
  return plain(200, "ok\n");
}

std::optional<Response> OpsApi::readyz(Call&&, const std::string&) {
  const std::string why = why_not_ready(*parts_.published.get());
  return why.empty() ? plain(200, "ready\n") : plain(503, why + "\n");
}

std::optional<Response> OpsApi::metrics(Call&&, const std::string&) {
  Response response = plain(200, parts_.metrics.text());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

std::optional<Response> OpsApi::doctor(Call&&, const std::string&) {
  return json_response(
      self_json(*parts_.published.get(), build_, parts_.self(), read_clock().wall));
}

std::optional<Response> OpsApi::history(Call&&, const std::string&) {
  return json_response(history_json(*parts_.published.get()));
}

std::variant<Job, Response> OpsApi::find(const std::string& id_text) {
  const auto id = JobId::parse(id_text);
  if (!id) return problem(404, "'" + id_text + "' is no run id");
  auto job = parts_.jobs.find(*id);
  if (!job) return problem(job.error());
  if (!job->has_value()) return problem(404, "there is no run " + id->text());
  return std::move(**job);
}

std::optional<Response> OpsApi::show_job(Call&& call, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  return json_response(job_json(std::get<Job>(found), read_clock().wall, call.caller.source));
}

std::optional<Response> OpsApi::explain_job(Call&& call, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const Job& job = std::get<Job>(found);
  if (is_final(job.state)) return json_response(why_json(why_not_waiting(job)));
  post_(Explain{call.id, job.id});
  return std::nullopt;
}

std::optional<Response> OpsApi::cancel_job(Call&& call, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const JobId job = std::get<Job>(found).id;
  order(call, job.text(), "", CancelRun{call.id, job});
  return std::nullopt;
}

std::optional<Response> OpsApi::list_keys(Call&&, const std::string&) {
  return json_response(keys_json(*parts_.published.get()->keys));
}

std::optional<Response> OpsApi::create_key(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  auto key = read_new_key(call.body);
  if (!key) return problem(key.error());
  const std::string name = key->name;
  order(call, name, "", CreateKey{call.id, std::move(*key)});
  return std::nullopt;
}

std::optional<Response> OpsApi::revoke_key(Call&& call, const std::string& id) {
  order(call, id, "", RevokeKey{call.id, id});
  return std::nullopt;
}

std::optional<Response> OpsApi::backup(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  auto name = read_backup_name(call.body, read_clock().wall);
  if (!name) return problem(name.error());
  AuditEntry entry = entry_of(call, *name);
  if (!parts_.backups.take(call.id, std::move(*name))) {
    return problem(409, "a backup is being made already");
  }
  post_(Record{std::move(entry)});
  return std::nullopt;
}

}  // namespace docket::http
