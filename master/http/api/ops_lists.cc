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

std::optional<Response> OpsApi::list_jobs(Call&& call, const std::string&) {
  const WallMs now = read_clock().wall;
  const auto page = find_page(fields_of(call.query), now);
  if (!page) return problem(page.error());
  return json_response(jobs_json(*page, now));
}

Result<JobPage> OpsApi::find_page(const QueryFields& asked, WallMs now) {
  const auto filter = read_jobs_query(asked, now);
  if (!filter) return filter.error();
  return read_page(parts_.jobs, *filter);
}

// The tables of the two main pages are there before their scripts have run, and without them.
Response OpsApi::page_or_file(const web::Asset& file, const Request& request) {
  Response response = asset(file);
  const WallMs now = read_clock().wall;
  if (request.path == "/") {
    JobFilter latest;
    latest.limit = kOverviewJobs;
    const auto jobs = parts_.jobs.list(latest);
    response.body = overview_page(response.body, *parts_.published.get(),
                                  jobs ? *jobs : std::vector<Job>(), now);
  } else if (request.path == "/jobs") {
    const QueryFields asked = fields_of(request.query);
    response.body = jobs_page(response.body, asked, find_page(asked, now), now);
  }
  return response;
}

std::optional<Response> OpsApi::retry_job(Call&& call, const std::string& id) {
  auto found = find(id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const Job& job = std::get<Job>(found);
  if (!is_final(job.state)) return problem(409, "the run has not ended yet");
  if (job.run_spec->empty()) return problem(409, "the program of this run is no longer kept");
  if (!has_key(job.key)) return problem(409, "its API key has been revoked: " + job.key);
  Request again;
  again.id = call.id;
  again.headers = {{"prefer", "respond-async"}, {"x-coderunner-job-id", job.client_job}};
  again.body = *job.run_spec;
  post_(Record{entry_of(call, job.id.text())});
  return parts_.jobe.submit_for(Guest{job.key, true}, std::move(again));
}

std::optional<Response> OpsApi::submit_run(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  std::string key;
  for (const auto& [name, value] : fields_of(call.query)) {
    if (name != "key") return problem(400, "unknown parameter '" + name + "'; there is key");
    key = value;
  }
  if (!has_key(key)) return problem(400, "key: there is no API key '" + key + "'");
  // Before the run is taken: it stands there even if that is refused.
  post_(Record{entry_of(call, key)});
  return parts_.jobe.submit_for(Guest{key, true}, std::move(call));
}

bool OpsApi::has_key(const std::string& name) const {
  const auto keys = parts_.published.get()->keys;
  return name.empty() ||
         std::ranges::any_of(*keys, [&](const auto& entry) { return entry.second.name == name; });
}

std::optional<Response> OpsApi::list_files(Call&&, const std::string&) {
  return json_response(files_json(parts_.files.use(), parts_.files.list(kMostListedFiles)));
}

std::optional<Response> OpsApi::remove_file(Call&& call, const std::string& id) {
  const auto removed = parts_.files.remove(id);
  if (!removed) return problem(removed.error());
  post_(Record{entry_of(call, id)});
  return no_content();
}

std::optional<Response> OpsApi::remove_unused_files(Call&& call, const std::string&) {
  if (!is_json(call)) return not_json();
  const auto unused_ms = read_unused_age(call.body);
  if (!unused_ms) return problem(unused_ms.error());
  const std::size_t removed =
      parts_.files.remove_unused(read_clock().wall - *unused_ms, kMostRemovedFiles);
  post_(Record{entry_of(call, std::to_string(removed) + " files")});
  return json_response(removed_json(removed, removed == kMostRemovedFiles));
}

}  // namespace docket::http
