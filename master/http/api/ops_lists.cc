// OpsApi's part for the pages: lists of jobs and of files, runs that operators make.
#include <algorithm>

#include "master/http/api/files_order.h"
#include "master/http/api/json_answer.h"
#include "master/http/api/ops_api.h"
#include "master/http/api/pages.h"

namespace docket::http {
namespace {

constexpr std::size_t kMostListedFiles = 1'000;

Response asset(const web::Asset& found) {
  Response response;
  response.content_type = std::string(found.content_type);
  response.body = std::string(found.content);
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
      "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cache-Control", "no-cache");
  return response;
}

}  // namespace

std::optional<Response> OpsApi::list_jobs(Request&& request, const std::string&) {
  const WallMs now = read_clock().wall;
  const auto page = find_page(fields_of(request.query), now);
  if (!page) return problem(page.error());
  return json_response(jobs_json(*page, now));
}

Result<JobPage> OpsApi::find_page(const QueryFields& asked, WallMs now) {
  const auto filter = read_jobs_query(asked, now);
  if (!filter) return filter.error();
  return read_page(jobs_, *filter);
}

// The tables of the two main pages are there before their scripts have run, and without them.
Response OpsApi::page_or_file(const web::Asset& file, const Request& request) {
  Response response = asset(file);
  const WallMs now = read_clock().wall;
  if (request.path == "/") {
    JobFilter latest;
    latest.limit = kOverviewJobs;
    const auto jobs = jobs_.list(latest);
    response.body =
        overview_page(response.body, *published_.get(), jobs ? *jobs : std::vector<Job>(), now);
  } else if (request.path == "/jobs") {
    const QueryFields asked = fields_of(request.query);
    response.body = jobs_page(response.body, asked, find_page(asked, now), now);
  }
  return response;
}

std::optional<Response> OpsApi::retry_job(Request&& request, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const Job& job = std::get<Job>(found);
  if (!is_final(job.state)) return problem(409, "the run has not ended yet");
  if (job.run_spec->empty()) return problem(409, "the program of this run is no longer kept");
  if (!has_key(job.key)) return problem(409, "its API key has been revoked: " + job.key);
  Request again;
  again.id = request.id;
  again.headers = {{"prefer", "respond-async"}, {"x-coderunner-job-id", job.client_job}};
  again.body = *job.run_spec;
  return jobe_.submit_for(Guest{job.key, true}, std::move(again));
}

std::optional<Response> OpsApi::submit_run(Request&& request, const std::string&) {
  if (!is_json(request)) return not_json();
  std::string key;
  for (const auto& [name, value] : fields_of(request.query)) {
    if (name != "key") return problem(400, "unknown parameter '" + name + "'; there is key");
    key = value;
  }
  if (!has_key(key)) return problem(400, "key: there is no API key '" + key + "'");
  return jobe_.submit_for(Guest{key, true}, std::move(request));
}

bool OpsApi::has_key(const std::string& name) const {
  const auto keys = published_.get()->keys;
  return name.empty() ||
         std::ranges::any_of(*keys, [&](const auto& entry) { return entry.second.name == name; });
}

std::optional<Response> OpsApi::list_files(Request&&, const std::string&) {
  return json_response(files_json(files_.use(), files_.list(kMostListedFiles)));
}

std::optional<Response> OpsApi::remove_file(Request&&, const std::string& id) {
  const auto removed = files_.remove(id);
  return removed ? no_content() : problem(removed.error());
}

std::optional<Response> OpsApi::remove_unused_files(Request&& request, const std::string&) {
  if (!is_json(request)) return not_json();
  const auto unused_ms = read_unused_age(request.body);
  if (!unused_ms) return problem(unused_ms.error());
  const std::size_t removed =
      files_.remove_unused(read_clock().wall - *unused_ms, kMostRemovedFiles);
  return json_response(removed_json(removed, removed == kMostRemovedFiles));
}

}  // namespace docket::http
