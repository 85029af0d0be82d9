#include "master/http/api/ops_api.h"

#include <charconv>

#include "web/assets.h"

namespace docket::http {
namespace {

constexpr std::uint32_t kMostListedJobs = 1'000;

Response json_response(std::string body, int status = 200) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response problem(int status, std::string_view text) {
  return json_response("{\"error\":" + json_text(text) + "}", status);
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
      for (int state = 1; state <= 5 && !filter.state; ++state) {
        if (state_name(static_cast<JobState>(state)) == value) {
          filter.state = static_cast<JobState>(state);
        }
      }
      if (!filter.state) {
        return Error{ErrorCode::invalid,
                     "state: '" + value + "' is none of queued, running, done, failed, expired"};
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

OpsApi::OpsApi(JobeApi& jobe, JobReader& jobs, const Published<Snapshot>& published, Build build)
    : jobe_(jobe), jobs_(jobs), published_(published), build_(std::move(build)) {}

std::optional<Response> OpsApi::handle(Request&& request) {
  if (JobeApi::owns(request.path)) return jobe_.handle(std::move(request));
  constexpr std::string_view kApi = "/api/v1/";
  const std::string_view path = request.path;
  if (request.method != "GET" && request.method != "HEAD") {
    Response refused = problem(405, "use GET");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  if (path.starts_with(kApi)) return api(path.substr(kApi.size()), request);
  if (path == "/healthz") return plain(200, "ok\n");
  if (path == "/readyz") {
    const auto snapshot = published_.get();
    return snapshot->accepting ? plain(200, "ready\n") : plain(503, snapshot->problem + "\n");
  }
  if (const web::Asset* found = web::find_asset(path)) return asset(*found);
  return plain(404, "There is nothing here. The status page is at /.\n");
}

Response OpsApi::api(std::string_view resource, const Request& request) {
  constexpr std::string_view kJob = "jobs/";
  if (resource == "status") return json_response(status_json(*published_.get(), build_));
  if (resource == "agents") return json_response(agents_json(*published_.get()));
  if (resource == "jobs") return list_jobs(request);
  if (resource.starts_with(kJob)) return show_job(resource.substr(kJob.size()));
  return problem(404, "no such resource; there are status, agents, jobs, jobs/ID");
}

Response OpsApi::list_jobs(const Request& request) {
  const auto filter = filter_of(request.query);
  if (!filter) return problem(facts_of(filter.error().code).http_status, filter.error().message);
  const auto jobs = jobs_.list(*filter);
  if (!jobs) return problem(facts_of(jobs.error().code).http_status, jobs.error().message);
  return json_response(jobs_json(*jobs, read_clock().wall));
}

Response OpsApi::show_job(std::string_view id_text) {
  const auto id = JobId::parse(id_text);
  if (!id) return problem(404, "'" + std::string(id_text) + "' is no run id");
  const auto job = jobs_.find(*id);
  if (!job) return problem(facts_of(job.error().code).http_status, job.error().message);
  if (!job->has_value()) return problem(404, "there is no run " + id->text());
  return json_response(job_json(**job, read_clock().wall));
}

}  // namespace docket::http
