#include "master/http/api/ops_api.h"

#include <charconv>

#include "master/http/api/hold_order.h"
#include "master/http/api/json_answer.h"
#include "master/http/api/new_key.h"
#include "master/http/api/same_site.h"
#include "web/assets.h"

namespace docket::http {
namespace {

constexpr std::uint32_t kMostListedJobs = 1'000;

// A form on a foreign page can post, but not with this type.
bool is_json(const Request& request) {
  return request.header("content-type").starts_with("application/json");
}

Response not_json() {
  return problem(415, "send Content-Type: application/json");
}

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=UTF-8";
  response.body = std::move(text);
  return response;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

Result<JobFilter> filter_of(std::string_view query) {
  JobFilter filter;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::string value =
        equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1));
    if (key == "state") {
      for (int state = 1; state <= static_cast<int>(kLastJobState) && !filter.state; ++state) {
        if (state_name(static_cast<JobState>(state)) == value) {
          filter.state = static_cast<JobState>(state);
        }
      }
      if (!filter.state) {
        return Error{
            ErrorCode::invalid,
            "state: '" + value + "' is none of queued, running, done, failed, expired, cancelled"};
      }
    } else if (key == "language") {
      filter.language = value;
    } else if (key == "agent") {
      filter.agent = value;
    } else if (key == "limit") {
      const auto* last = value.data() + value.size();
      const auto parsed = std::from_chars(value.data(), last, filter.limit);
      if (parsed.ec != std::errc() || parsed.ptr != last || filter.limit == 0 ||
          filter.limit > kMostListedJobs) {
        return Error{ErrorCode::invalid, "limit: '" + value + "' is not a number from 1 to " +
                                             std::to_string(kMostListedJobs)};
      }
    } else {
      return Error{ErrorCode::invalid, "unknown parameter '" + std::string(key) +
                                           "'; there are state, language, agent, limit"};
    }
  }
  return filter;
}

Response asset(const web::Asset& found) {
  Response response;
  response.content_type = std::string(found.content_type);
  response.body = std::string(found.content);
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cache-Control", "no-cache");
  return response;
}

}  // namespace

OpsApi::OpsApi(std::function<void(Event)> post, JobeApi& jobe, JobReader& jobs,
               BackupRequests& backups, const Published<Snapshot>& published, Build build,
               LinkFacts link, std::vector<std::string> names)
    : post_(std::move(post)),
      jobe_(jobe),
      jobs_(jobs),
      backups_(backups),
      published_(published),
      build_(std::move(build)),
      link_(std::move(link)),
      names_(std::move(names)) {}

std::span<const Route<OpsApi>> OpsApi::routes() {
  static constexpr Route<OpsApi> kRoutes[] = {
      {"GET", "/api/v1/status", &OpsApi::status},
      {"GET", "/api/v1/agents", &OpsApi::agents},
      {"GET", "/api/v1/link", &OpsApi::link},
      {"POST", "/api/v1/agents/tokens", &OpsApi::create_token},
      {"POST", "/api/v1/agents/{id}/approve", &OpsApi::approve},
      {"DELETE", "/api/v1/agents/{id}", &OpsApi::remove_agent},
      {"POST", "/api/v1/agents/{id}/cordon", &OpsApi::cordon},
      {"POST", "/api/v1/agents/{id}/drain", &OpsApi::drain},
      {"POST", "/api/v1/agents/{id}/resume", &OpsApi::resume},
      {"GET", "/api/v1/jobs", &OpsApi::list_jobs},
      {"GET", "/api/v1/jobs/{id}", &OpsApi::show_job},
      {"GET", "/api/v1/jobs/{id}/why", &OpsApi::explain_job},
      {"POST", "/api/v1/jobs/{id}/cancel", &OpsApi::cancel_job},
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
    return (this->*found.route->handler)(std::move(request), found.id);
  }
  std::string allow = found.allow;
  if (allow.empty()) {
    const web::Asset* file = web::find_asset(request.path);
    if (file != nullptr && method == "GET") return asset(*file);
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
  if (!done.answer.empty()) return json_response(done.answer, 201);
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

std::optional<Response> OpsApi::link(Request&&, const std::string&) {
  return json_response(link_json(*published_.get(), link_.public_key, link_.address.text()));
}

std::optional<Response> OpsApi::create_token(Request&& request, const std::string&) {
  if (!is_json(request)) return not_json();
  auto order = read_new_token(request.body, link_, read_clock().wall);
  if (!order) return problem(order.error());
  order->reply_to = request.id;
  post_(std::move(*order));
  return std::nullopt;
}

std::optional<Response> OpsApi::approve(Request&& request, const std::string& who) {
  post_(ApproveAgent{request.id, who});
  return std::nullopt;
}

std::optional<Response> OpsApi::remove_agent(Request&& request, const std::string& name) {
  post_(RemoveAgent{request.id, name});
  return std::nullopt;
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

std::optional<Response> OpsApi::list_jobs(Request&& request, const std::string&) {
  const auto filter = filter_of(request.query);
  if (!filter) return problem(filter.error());
  const auto jobs = jobs_.list(*filter);
  if (!jobs) return problem(jobs.error());
  return json_response(jobs_json(*jobs, read_clock().wall));
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
