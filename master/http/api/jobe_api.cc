#include "master/http/api/jobe_api.h"

#include <sys/random.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/http/api/file_request.h"
#include "master/http/api/preferences.h"
#include "master/http/api/run_request.h"
#include "master/http/api/views.h"
#include "protocol/base/check.h"
#include "protocol/base/digest.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

constexpr std::string_view kPrefixes[] = {"/jobe/index.php/restapi/", "/jobe/restapi/"};
constexpr const char* kFilesMissing = "One or more of the specified files is missing/unavailable";
constexpr const char* kRunresults = "/jobe/index.php/restapi/runresults/";

std::string_view without_prefix(std::string_view path) {
  for (const auto prefix : kPrefixes) {
    if (path.starts_with(prefix)) return path.substr(prefix.size());
  }
  return {};
}

JobId fresh_job_id() {
  std::array<std::uint8_t, 10> random{};
  CHECK_THAT(::getrandom(random.data(), random.size(), 0) == static_cast<int>(random.size()));
  return make_job_id(read_clock().wall, random);
}

Response unreadable(const Error& error) {
  return text_response(503, "Runs cannot be looked up now: " + error.message);
}

}  // namespace

void add_cors(Response& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back(
      "Access-Control-Allow-Headers",
      "X-API-KEY, Origin, X-Requested-With, Content-Type, Accept, Access-Control-Request-Method");
  response.headers.emplace_back("Access-Control-Allow-Methods",
                                "GET, POST, OPTIONS, PUT, HEAD, DELETE");
}

Response no_content() {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  return response;
}

Response text_response(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = json_text(text);
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  return response;
}

JobeApi::JobeApi(std::function<void(Event)> post, JobReader& jobs, FileStore& files,
                 FileUploads& uploads, const Published<Snapshot>& published, KeyGate* gate,
                 std::int64_t retention_ms)
    : post_(std::move(post)),
      jobs_(jobs),
      files_(files),
      uploads_(uploads),
      published_(published),
      gate_(gate),
      retention_ms_(retention_ms) {}

std::span<const Route<JobeApi>> JobeApi::routes() {
  static constexpr Route<JobeApi> kRoutes[] = {
      {"GET", "languages", &JobeApi::languages, Need::read},
      {"POST", "runs", &JobeApi::submit, Need::operate, "runs.submit"},
      {"GET", "runresults/{id}", &JobeApi::get_result, Need::source},
      {"DELETE", "runresults/{id}", &JobeApi::delete_result, Need::admin, "runs.delete"},
      {"PUT", "files/{alnum}", &JobeApi::put_file, Need::operate, "files.put"},
      {"HEAD", "files/{alnum}", &JobeApi::head_file, Need::read},
      {"POST", "files", &JobeApi::post_file, Need::operate, "files.put"},
  };
  return kRoutes;
}

const Route<JobeApi>* JobeApi::route_of(std::string_view method, std::string_view path) {
  return find_route(routes(), method, inner_path(path)).route;
}

bool JobeApi::owns(std::string_view path) {
  return !without_prefix(path).empty();
}

std::string_view JobeApi::inner_path(std::string_view path) {
  path = without_prefix(path);
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::optional<Response> JobeApi::handle(Request&& request) {
  // Only a preflight is answered, for any path, as Jobe does.
  if (request.method == "OPTIONS" && !request.header("access-control-request-method").empty()) {
    Response preflight = no_content();
    add_cors(preflight);
    return preflight;
  }
  const auto found = find_route(routes(), request.method, inner_path(request.path));
  if (found.allow.empty()) return text_response(404, "");
  std::optional<Response> response;
  if (found.route != nullptr) {
    response = (this->*found.route->handler)(std::move(request), found.id);
  } else {
    response = text_response(405, request.method + " is not possible here, only " + found.allow);
    response->headers.emplace_back("Allow", found.allow);
  }
  if (response) add_cors(*response);
  return response;
}

Response JobeApi::response_to(const Answer& answer) {
  Response response;
  const std::string id = answer.job.text();
  std::string preferences = applied(answer.patience, answer.kind == Answer::Kind::accepted);
  switch (answer.kind) {
    case Answer::Kind::accepted:
      response = text_response(202, id);
      response.headers.emplace_back("Location", kRunresults + id);
      break;
    case Answer::Kind::result:
      response = text_response(answer.http_status, "");
      response.body = *answer.body;
      break;
    case Answer::Kind::pending:
    case Answer::Kind::removed:
      response = no_content();
      break;
    case Answer::Kind::stored: {
      // The one place where the loop's thread reads the store: a request made twice, or a job that
      // ended while its watcher's question was on its way.
      const auto job = jobs_.find(answer.job);
      response = !job               ? unreadable(job.error())
                 : job->has_value() ? result_of(**job)
                                    : unknown_run(answer.job);
      break;
    }
    case Answer::Kind::lacks_files:
      response = text_response(404, kFilesMissing);
      break;
    case Answer::Kind::misused:
      response = text_response(422, "This Idempotency-Key was used for another request before");
      break;
    case Answer::Kind::overloaded:
      if (answer.patience.takes_id()) {
        response = text_response(503, "Docket takes no more runs now: " + answer.reason);
        response.headers.emplace_back("Retry-After", "10");
      } else {
        response = text_response(200, "");
        response.body = R"({"run_id":"0","outcome":21,"cmpinfo":"","stdout":"","stderr":""})";
      }
      preferences.clear();
      break;
    case Answer::Kind::unavailable:
      response = text_response(503, "Docket accepts no runs now: " + answer.reason);
      response.headers.emplace_back("Retry-After", "5");
      preferences.clear();
      break;
  }
  if (!preferences.empty()) response.headers.emplace_back("Preference-Applied", preferences);
  add_cors(response);
  return response;
}

std::optional<Response> JobeApi::languages(Request&&, const std::string&) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& language : published_.get()->languages) {
    list.push_back(nlohmann::json::array({language.id, language.version}));
  }
  Response response = text_response(200, "");
  response.body = list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

std::optional<Response> JobeApi::submit(Request&& request, const std::string&) {
  auto admitted = let_in(request, true);
  if (auto* refused = std::get_if<Response>(&admitted)) return std::move(*refused);
  return submit_for(std::move(std::get<Guest>(admitted)), std::move(request));
}

std::optional<Response> JobeApi::submit_for(Guest guest, Request&& request) {
  const auto too_large = [] {
    return text_response(413, "The run is larger than " + std::to_string(kMaxBodyBytes >> 20) +
                                  " MB: send support files with PUT files/ID");
  };
  if (request.body.size() > kMaxBodyBytes) return too_large();
  Submit submit;
  submit.reply_to = request.id;
  submit.patience = patience_of(request);
  if (submit.patience.takes_id() && !guest.may_async) {
    return text_response(403, "This API key may not run asynchronously: send no Prefer header");
  }
  submit.key = std::move(guest.key);
  auto name = idempotency_key_of(request);
  if (!name) return text_response(400, name.error().message);
  submit.idempotency_key = std::move(*name);
  submit.client_job = std::string(request.header("x-coderunner-job-id").substr(0, kMaxNameBytes));
  auto run = parse_run_request(std::move(request.body), published_.get()->known_languages);
  if (!run) return text_response(400, run.error().message);
  if (run->body->size() > kMaxBodyBytes) return too_large();  // taking out a secret wrote it anew
  auto hold = files_.hold(run->files);
  // A request made before has its result, whether the files are still here or not.
  submit.lacks_files = !hold.ok();
  if (submit.lacks_files && submit.idempotency_key.empty()) {
    return text_response(404, kFilesMissing);
  }
  if (hold) submit.hold = std::move(*hold);
  submit.id = fresh_job_id();
  if (!submit.idempotency_key.empty()) submit.fingerprint = sha256_hex(*run->body);
  submit.language = std::move(run->language);
  submit.cputime_s = run->cputime_s;
  submit.wall_ms = run->wall_ms;
  submit.files = std::move(run->files);
  submit.run_spec = std::move(run->body);
  post_(std::move(submit));
  return std::nullopt;
}

std::variant<Guest, Response> JobeApi::let_in(const Request& request, bool counts) {
  if (gate_ == nullptr) return Guest{};
  return gate_->admit(request, counts, read_clock().mono);
}

std::variant<Job, Response> JobeApi::find_own(const Request& request, const std::string& id_text) {
  auto admitted = let_in(request, false);
  if (auto* refused = std::get_if<Response>(&admitted)) return std::move(*refused);
  const auto id = JobId::parse(id_text);
  if (!id) return unknown_run(std::nullopt);
  auto job = jobs_.find(*id);
  if (!job) return unreadable(job.error());
  if (!job->has_value()) return unknown_run(id);
  const std::string& key = std::get<Guest>(admitted).key;
  // With keys in use, a run is its key's own; without, the id alone opens it.
  if (!key.empty() && !(*job)->key.empty() && key != (*job)->key) return unknown_run(id);
  return std::move(**job);
}

std::optional<Response> JobeApi::get_result(Request&& request, const std::string& id) {
  auto found = find_own(request, id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  const Job& job = std::get<Job>(found);
  const Patience patience = patience_of(request);
  if (is_final(job.state) || patience.wait_s.value_or(0) == 0) return result_of(job);
  post_(Watch{request.id, job.id, patience});
  return std::nullopt;
}

std::optional<Response> JobeApi::delete_result(Request&& request, const std::string& id) {
  auto found = find_own(request, id);
  if (auto* instead = std::get_if<Response>(&found)) return std::move(*instead);
  Job& job = std::get<Job>(found);
  post_(Remove{request.id, job.id, std::move(job.key), std::move(job.idempotency_key)});
  return std::nullopt;
}

Response JobeApi::unknown_run(std::optional<JobId> id) const {
  const std::int64_t age_ms = id ? read_clock().wall - received_at(*id) : 0;
  const std::string kept = std::to_string(retention_ms_ / 86'400'000) + " days";
  if (age_ms > retention_ms_) {
    return text_response(404, "The result of this run has expired: results are kept for " + kept);
  }
  if (age_ms > kLeastKeptMs) {
    return text_response(404, "There is no run with this id, or no longer: results are kept for " +
                                  kept + ", and for less when the database is full");
  }
  return text_response(404, "There is no run with this id");
}

Response JobeApi::result_of(const Job& job) const {
  if (!is_final(job.state)) return no_content();
  if (job.state == JobState::cancelled) return text_response(404, "This run was cancelled");
  if (is_purged(job)) return text_response(404, "The result of this run is no longer kept");
  Response response = text_response(job.http_status, "");
  response.body = *job.result;
  return response;
}

std::optional<Response> JobeApi::head_file(Request&&, const std::string& id) {
  return files_.has(id) ? no_content() : text_response(404, "");
}

std::optional<Response> JobeApi::put_file(Request&& request, const std::string& id) {
  if (id.size() > kMaxNameBytes) return text_response(404, "");
  return uploads_.take(id, std::move(request));
}

std::optional<Response> JobeApi::post_file(Request&& request, const std::string&) {
  return uploads_.take("", std::move(request));
}

}  // namespace docket::http
