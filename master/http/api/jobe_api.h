// Jobe's REST API: languages, runs, runresults, files. Called on the reactors' threads; must not
// wait for the loop. The reference is what real Jobe answers; docs/jobe-compatibility.md says where
// not.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "master/core/events.h"
#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/http/api/file_uploads.h"
#include "master/http/api/key_gate.h"
#include "master/http/api/routes.h"
#include "master/http/server.h"
#include "protocol/base/published.h"

namespace docket::http {

class JobeApi {
 public:
  using Call = Request;

  // `gate` may be null: who comes here has been let in already. `retention_ms`: how long results
  // are kept, to tell an expired run from an unknown one.
  JobeApi(std::function<void(Event)> post, JobReader& jobs, FileStore& files, FileUploads& uploads,
          const Published<Snapshot>& published, KeyGate* gate, std::int64_t retention_ms);

  // Patterns behind the prefixes /jobe/index.php/restapi/ and /jobe/restapi/.
  static std::span<const Route<JobeApi>> routes();
  // The route that a path and method mean on either listener, or null.
  static const Route<JobeApi>* route_of(std::string_view method, std::string_view path);
  // True for the paths this API answers.
  static bool owns(std::string_view path);
  // What the patterns are matched with; empty for other paths.
  static std::string_view inner_path(std::string_view path);

  // The answer, or nothing when the loop will give it.
  std::optional<Response> handle(Request&& request);
  // POST runs of a guest who has been let in. The answer, or nothing when the loop will give it.
  std::optional<Response> submit_for(Guest guest, Request&& request);
  // What a waiting client gets when the loop has its answer.
  Response response_to(const Answer& answer);

 private:
  std::optional<Response> languages(Request&& request, const std::string& id);
  std::optional<Response> submit(Request&& request, const std::string& id);
  std::optional<Response> get_result(Request&& request, const std::string& id);
  std::optional<Response> delete_result(Request&& request, const std::string& id);
  std::optional<Response> put_file(Request&& request, const std::string& id);
  std::optional<Response> head_file(Request&& request, const std::string& id);
  std::optional<Response> post_file(Request&& request, const std::string& id);

  std::variant<Guest, Response> let_in(const Request& request, bool counts);
  // The job of a request for a result, or what to answer instead.
  std::variant<Job, Response> find_own(const Request& request, const std::string& id_text);
  Response unknown_run(std::optional<JobId> id) const;
  Response result_of(const Job& job) const;

  std::function<void(Event)> post_;
  JobReader& jobs_;
  FileStore& files_;
  FileUploads& uploads_;
  const Published<Snapshot>& published_;
  KeyGate* const gate_;
  const std::int64_t retention_ms_;
};

// An answer in Jobe's form: a JSON string.
Response text_response(int status, std::string_view text);

// 204, with neither body nor length.
Response no_content();

// What lets a page of another origin read the answer.
void add_cors(Response& response);

}  // namespace docket::http
