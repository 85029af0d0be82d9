#include "master/http/api/ops_api.h"

#include <cstdio>

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

OpsApi::OpsApi(std::function<void(Event)> post, JobeApi& jobe, JobReader& jobs, FileCatalog& files,
               BackupRequests& backups, const Published<Snapshot>& published, Build build,
               std::vector<std::string> names)
    : post_(std::move(post)),
      jobe_(jobe),
      jobs_(jobs),
      files_(files),
      backups_(backups),
      published_(published),
      build_(std::move(build)),
      names_(std::move(names)) {}

std::span<const Route<OpsApi>> OpsApi::routes() {
  static constexpr Route<OpsApi> kRoutes[] = {
      {"GET", "/api/v1/status", &OpsApi::status},
      {"GET", "/api/v1/agents", &OpsApi::agents},
      {"POST", "/api/v1/agents/{id}/cordon", &OpsApi::cordon},
      {"POST", "/api/v1/agents/{id}/drain", &OpsApi::drain},
      {"POST", "/api/v1/agents/{id}/resume", &OpsApi::resume},
      {"GET", "/api/v1/jobs", &OpsApi::list_jobs},
      {"GET", "/api/v1/jobs/{id}", &OpsApi::show_job},
      {"GET", "/api/v1/jobs/{id}/why", &OpsApi::explain_job},
      {"POST", "/api/v1/jobs/{id}/cancel", &OpsApi::cancel_job},
      {"POST", "/api/v1/jobs/{id}/retry", &OpsApi::retry_job},
      {"POST", "/api/v1/runs", &OpsApi::submit_run},
      {"GET", "/api/v1/files", &OpsApi::list_files},
      {"DELETE", "/api/v1/files/{id}", &OpsApi::remove_file},
      {"POST", "/api/v1/files/gc", &OpsApi::remove_unused_files},
      {"GET", "/api/v1/keys", &OpsApi::list_keys},
      {"POST", "/api/v1/keys", &OpsApi::create_key},
      {"DELETE", "/api/v1/keys/{id}", &OpsApi::revoke_key},
      {"POST", "/api/v1/backup", &OpsApi::backup},
      {"GET", "/healthz", &OpsApi::healthz},
      {"GET", "/readyz", &OpsApi::readyz},
  };
  return kRoutes;
}

std::optional<Response> OpsApi::handle(Request&& request) {
  if (!is_same_site(request.header("host"), request.header("origin"), names_)) {
    return problem(403,
                   "this is neither a page of the master's own nor under a name of its own; "
                   "docket-master --ops-name tells it more names");
  }
  if (JobeApi::owns(request.path)) return jobe_.handle(std::move(request));
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const auto found = find_route(routes(), method, request.path);
  if (found.route != nullptr) {
    const std::string known(request.header("if-none-match"));
    auto response = (this->*found.route->handler)(std::move(request), found.id);
    if (response && method == "GET" && response->status == 200) {
      return unless_known(std::move(*response), known);
    }
    return response;
  }
  std::string allow = found.allow;
  if (allow.empty()) {
    const web::Asset* file = web::find_asset(request.path);
    if (file != nullptr && method == "GET") {
      return unless_known(page_or_file(*file, request), request.header("if-none-match"));
    }
    if (file != nullptr) allow = "GET";
  }
  if (!allow.empty()) {
    Response refused = problem(405, method + " is not possible here, only " + allow);
    refused.headers.emplace_back("Allow", allow);
    return refused;
  }
  if (request.path.starts_with("/api/")) return problem(404, "there is no such resource");
  return plain(404, "There is nothing here. The status page is at /.\n");
}

Response OpsApi::response_to(const CommandDone& done) {
  if (done.error) return problem(*done.error);
  Response response;
  response.status = 204;
  return response;
}

Response OpsApi::response_to(const Explained& explained) {
  if (explained.why == nullptr) return problem(409, "the run has just ended: ask again");
  return json_response(why_json(*explained.why));
}

std::optional<Response> OpsApi::status(Request&&, const std::string&) {
  return json_response(status_json(*published_.get(), build_));
}

std::optional<Response> OpsApi::agents(Request&&, const std::string&) {
  return json_response(agents_json(*published_.get()));
}

std::optional<Response> OpsApi::cordon(Request&& request, const std::string& name) {
  return hold(std::move(request), name, Hold::cordon);
}

std::optional<Response> OpsApi::drain(Request&& request, const std::string& name) {
  return hold(std::move(request), name, Hold::drain);
}

std::optional<Response> OpsApi::resume(Request&& request, const std::string& name) {
  post_(HoldAgent{request.id, name, Hold::none, {}, {}});
  return std::nullopt;
}

std::optional<Response> OpsApi::hold(Request&& request, const std::string& name, Hold hold) {
  if (!is_json(request)) return not_json();
  auto order = read_hold_order(request.body, hold == Hold::drain);
  if (!order) return problem(order.error());
  post_(HoldAgent{request.id, name, hold, std::move(order->reason), order->deadline_s});
  return std::nullopt;
}

std::optional<Response> OpsApi::healthz(Request&&, const std::string&) {
  return plain(200, "ok\n");
}

std::optional<Response> OpsApi::readyz(Request&&, const std::string&) {
  const auto snapshot = published_.get();
  return snapshot->accepting ? plain(200, "ready\n") : plain(503, snapshot->problem + "\n");
}

std::variant<Job, Response> OpsApi::find(const std::string& id_text) {
  const auto id = JobId::parse(id_text);
  if (!id) return problem(404, "'" + id_text + "' is no run id");
  auto job = jobs_.find(*id);
  if (!job) return problem(job.error());
  if (!job->has_value()) return problem(404, "there is no run " + id->text());
  return std::move(**job);
}

std::optional<Response> OpsApi::show_job(Request&&, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  return json_response(job_json(std::get<Job>(found), read_clock().wall));
}

std::optional<Response> OpsApi::explain_job(Request&& request, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const Job& job = std::get<Job>(found);
  if (is_final(job.state)) return json_response(why_json(why_not_waiting(job)));
  post_(Explain{request.id, job.id});
  return std::nullopt;
}

std::optional<Response> OpsApi::cancel_job(Request&& request, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  post_(CancelRun{request.id, std::get<Job>(found).id});
  return std::nullopt;
}

std::optional<Response> OpsApi::list_keys(Request&&, const std::string&) {
  return json_response(keys_json(*published_.get()->keys));
}

std::optional<Response> OpsApi::create_key(Request&& request, const std::string&) {
  if (!is_json(request)) return not_json();
  auto key = read_new_key(request.body);
  if (!key) return problem(key.error());
  post_(CreateKey{request.id, std::move(*key)});
  return std::nullopt;
}

std::optional<Response> OpsApi::revoke_key(Request&& request, const std::string& id) {
  post_(RevokeKey{request.id, id});
  return std::nullopt;
}

std::optional<Response> OpsApi::backup(Request&& request, const std::string&) {
  if (!is_json(request)) return not_json();
  auto name = read_backup_name(request.body, read_clock().wall);
  if (!name) return problem(name.error());
  if (!backups_.take(request.id, std::move(*name))) {
    return problem(409, "a backup is being made already");
  }
  return std::nullopt;
}

}  // namespace docket::http
