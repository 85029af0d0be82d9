#include "tests/trial_jobe/api.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "tests/trial_jobe/json_text.h"
#include "tests/trial_jobe/run_spec.h"

namespace docket::trial_jobe {
namespace {

constexpr std::string_view kRoots[] = {"/jobe/index.php/restapi/", "/jobe/restapi/"};

// The path behind the API's root without its trailing slash; empty when it lies elsewhere.
std::string_view route_of(std::string_view path) {
  for (const auto root : kRoots) {
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    if (path.ends_with('/')) path.remove_suffix(1);
    return path;
  }
  return {};
}

// The id in "files/ID"; empty when it is another route or no id that Jobe knows.
std::string file_id(std::string_view route) {
  constexpr std::string_view kFiles = "files/";
  if (!route.starts_with(kFiles)) return {};
  const std::string_view id = route.substr(kFiles.size());
  const bool legal = id.size() <= kMaxFileIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
                       return std::isalnum(static_cast<unsigned char>(c)) != 0;
                     });
  return legal ? std::string(id) : std::string();
}

http::Response not_found() {
  return to_response(error_answer(404, ""));
}

}  // namespace

http::Response to_response(Answer answer) {
  http::Response response;
  response.status = answer.status;
  response.headers.emplace_back("Cache-Control", "no-store, max-age=0, no-cache");
  response.body = std::move(answer.body);
  response.close = answer.status == 400 || answer.status >= 500;
  return response;
}

std::optional<http::Response> Api::handle(const http::Request& request) {
  if (request.path == "/trial/stats" && request.method == "GET") return get_stats();
  const std::string_view route = route_of(request.path);
  if (route == "languages" && request.method == "GET") return get_languages();
  if (route == "runs" && request.method == "POST") return post_run(request);
  if (const std::string id = file_id(route); !id.empty()) {
    if (request.method == "PUT") return put_file(id, request.body);
    if (request.method == "HEAD") return files_.has(id) ? to_response({204, ""}) : not_found();
  }
  return not_found();
}

std::optional<http::Response> Api::post_run(const http::Request& request) {
  auto parsed = parse_run(request.body, [this](std::string_view language) {
    return languages_.find(language) != languages_.end();
  });
  if (auto* answer = std::get_if<Answer>(&parsed)) return to_response(std::move(*answer));
  queue_.submit(request.id, std::move(std::get<RunSpec>(parsed)));
  return std::nullopt;
}

http::Response Api::put_file(const std::string& id, const std::string& body) {
  auto parsed = parse_file(id, body);
  if (auto* answer = std::get_if<Answer>(&parsed)) return to_response(std::move(*answer));
  if (!files_.put(id, std::get<std::string>(parsed))) return to_response(error_answer(500, ""));
  return to_response({204, ""});
}

http::Response Api::get_languages() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [id, version] : languages_) list.push_back({id, version});
  return to_response({200, dump_json(list)});
}

http::Response Api::get_stats() const {
  const RunStats stats = queue_.stats();
  nlohmann::ordered_json fields;
  fields["slots"] = stats.slots;
  fields["running"] = stats.running;
  fields["max_running"] = stats.max_running;
  fields["runs"] = stats.runs;
  fields["overloads"] = stats.overloads;
  fields["file_puts"] = files_.puts();
  return to_response({200, dump_json(fields)});
}

}  // namespace docket::trial_jobe
