#include "master/http/api/jobe_api.h"

#include <sys/random.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/http/api/run_request.h"
#include "master/http/api/views.h"
#include "master/http/tokens.h"
#include "protocol/base/check.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

constexpr std::string_view kPrefixes[] = {"/jobe/index.php/restapi/", "/jobe/restapi/"};
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

bool alphanumeric(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// RFC 7240: is `wanted` among the preferences, whatever parameters it has?
bool prefers(const Request& request, std::string_view wanted) {
  for (const auto& [name, value] : request.headers) {
    if (name != "prefer") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      std::string_view one = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      one = one.substr(0, one.find(';'));
      const auto first = one.find_first_not_of(" \t");
      if (first == std::string_view::npos) continue;
      one = one.substr(first, one.find_last_not_of(" \t") - first + 1);
      if (equal_ignoring_case(one, wanted)) return true;
    }
  }
  return false;
}

Response not_found() {
  return text_response(404, "");
}

Response no_content() {
  Response response;
  response.status = 204;
  return response;
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

Response text_response(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = json_text(text);
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  return response;
}

Response response_to(const Answer& answer) {
  Response response;
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  switch (answer.kind) {
    case Answer::Kind::accepted:
      response.status = 202;
      response.body = "\"" + answer.job.text() + "\"";
      response.headers.emplace_back("Location", kRunresults + answer.job.text());
      response.headers.emplace_back("Preference-Applied", "respond-async");
      break;
    case Answer::Kind::result:
      response.status = answer.http_status;
      response.body = *answer.body;
      break;
    case Answer::Kind::overloaded:
      response.body = R"({"run_id":"0","outcome":21,"cmpinfo":"","stdout":"","stderr":""})";
      break;
    case Answer::Kind::unavailable:
      response.status = 503;
      response.body = json_text("Docket accepts no runs now: " + answer.reason);
      response.headers.emplace_back("Retry-After", "5");
      break;
  }
  add_cors(response);
  return response;
}

JobeApi::JobeApi(std::function<void(Event)> post, JobReader& jobs, FileStore& files,
                 FileUploads& uploads, const Published<Snapshot>& published)
    : post_(std::move(post)),
      jobs_(jobs),
      files_(files),
      uploads_(uploads),
      published_(published) {}

bool JobeApi::owns(std::string_view path) {
  return !without_prefix(path).empty();
}

std::optional<Response> JobeApi::handle(Request&& request) {
  auto response = route(std::move(request));
  if (response && response->status != 404) add_cors(*response);
  return response;
}

std::optional<Response> JobeApi::route(Request&& request) {
  std::string_view rest = without_prefix(request.path);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto slash = rest.find('/');
  const std::string_view resource = rest.substr(0, slash);
  const bool has_id = slash != std::string_view::npos;
  const std::string_view id = has_id ? rest.substr(slash + 1) : std::string_view();
  const std::string& method = request.method;

  if (method == "OPTIONS") {
    // Only a preflight is answered, as Jobe does.
    if (request.header("access-control-request-method").empty()) return not_found();
    return no_content();
  }
  if (resource == "languages" && !has_id && method == "GET") return languages();
  if (resource == "runs" && !has_id && method == "POST") return submit(std::move(request));
  if (resource == "runresults" && has_id && method == "GET") return run_result(id);
  if (resource == "files" && !has_id && method == "POST") {
    return uploads_.take("", std::move(request));
  }
  if (resource == "files" && alphanumeric(id) && id.size() <= kMaxNameBytes) {
    if (method == "PUT") return uploads_.take(std::string(id), std::move(request));
    if (method == "HEAD") return files_.has(id) ? no_content() : not_found();
  }
  return not_found();
}

Response JobeApi::languages() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& language : published_.get()->languages) {
    list.push_back(nlohmann::json::array({language.id, language.version}));
  }
  Response response;
  response.body = list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  return response;
}

std::optional<Response> JobeApi::submit(Request&& request) {
  const auto too_large = [] {
    return text_response(413, "The run is larger than " + std::to_string(kMaxBodyBytes >> 20) +
                                  " MB: send support files with PUT files/ID");
  };
  if (request.body.size() > kMaxBodyBytes) return too_large();
  Submit submit;
  submit.reply_to = request.id;
  submit.asynchronous = prefers(request, "respond-async");
  submit.client_job = std::string(request.header("x-coderunner-job-id").substr(0, kMaxNameBytes));
  auto run = parse_run_request(std::move(request.body));
  if (!run) return text_response(400, run.error().message);
  if (run->body->size() > kMaxBodyBytes) return too_large();  // taking out a secret wrote it anew
  const auto snapshot = published_.get();
  const auto& known = snapshot->known_languages;
  if (!std::binary_search(known.begin(), known.end(), run->language)) {
    return text_response(400, "Language '" + run->language + "' is not known");
  }
  auto hold = files_.hold(run->files);
  if (!hold) return text_response(404, "One or more of the specified files is missing/unavailable");
  submit.hold = std::move(*hold);
  submit.id = fresh_job_id();
  submit.language = std::move(run->language);
  submit.cputime_s = run->cputime_s;
  submit.files = std::move(run->files);
  submit.run_spec = std::move(run->body);
  post_(std::move(submit));
  return std::nullopt;
}

Response JobeApi::run_result(std::string_view id_text) {
  const auto id = JobId::parse(id_text);
  if (!id) return text_response(404, "There is no run with this id");
  const auto job = jobs_.find(*id);
  if (!job) return text_response(503, "Runs cannot be looked up now: " + job.error().message);
  if (!job->has_value()) return text_response(404, "There is no run with this id");
  if (!is_final((*job)->state)) return no_content();
  Response response;
  response.status = (*job)->http_status;
  response.body = *(*job)->result;
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  return response;
}

}  // namespace docket::http
