// Jobe's REST API: languages, runs, runresults, files. Called on the reactors' threads; must not
// wait for the loop. The reference is what real Jobe answers; docs/decisions.md says where not.
#pragma once

#include <functional>
#include <optional>

#include "master/core/events.h"
#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/http/api/file_uploads.h"
#include "master/http/server.h"
#include "protocol/base/published.h"

namespace docket::http {

class JobeApi {
 public:
  JobeApi(std::function<void(Event)> post, JobReader& jobs, FileStore& files, FileUploads& uploads,
          const Published<Snapshot>& published);

  // True for the paths this API answers: /jobe/index.php/restapi/… and /jobe/restapi/….
  static bool owns(std::string_view path);
  // The answer, or nothing when the loop will give it.
  std::optional<Response> handle(Request&& request);

 private:
  std::optional<Response> route(Request&& request);
  Response languages() const;
  std::optional<Response> submit(Request&& request);
  Response run_result(std::string_view id_text);

  std::function<void(Event)> post_;
  JobReader& jobs_;
  FileStore& files_;
  FileUploads& uploads_;
  const Published<Snapshot>& published_;
};

// What a waiting client gets when the loop has its answer.
Response response_to(const Answer& answer);

// An answer in Jobe's form: a JSON string.
Response text_response(int status, std::string_view text);

// What lets a page of another origin read the answer; on all but 404, as Jobe has it.
void add_cors(Response& response);

}  // namespace docket::http
