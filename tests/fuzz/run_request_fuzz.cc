// Any body of POST runs, and any answer of a sandbox.
#include <nlohmann/json.hpp>

#include "agent/jobe/answer.h"
#include "master/http/api/run_request.h"
#include "protocol/messages.h"

namespace {

using nlohmann::json;

// What is forwarded is JSON with its run_spec, and without a secret of the client.
void check_request(const std::string& text) {
  const auto request = docket::http::parse_run_request(std::string(text), {"c", "python3"});
  if (!request.ok()) {
    CHECK_THAT(!request.error().message.empty());
    return;
  }
  const auto body = json::parse(*request->body);
  const auto& run_spec = body.at("run_spec");
  CHECK_THAT(run_spec.contains("sourcecode") && run_spec.contains("language_id"));
  CHECK_THAT(!body.contains("jobeapikey") && !run_spec.contains("jobeapikey"));
  const auto parameters = run_spec.find("parameters");
  if (parameters != run_spec.end() && parameters->is_object()) {
    CHECK_THAT(!parameters->contains("jobeapikey"));
  }
  CHECK_THAT(request->files.size() <= docket::kMaxFilesPerJob);
  for (const auto& file : request->files) {
    CHECK_THAT(file.size() >= 8 && file.find_first_of("./\\%") == std::string::npos);
  }
}

// What is passed on to the client is JSON that carries the job's id and the sandbox's outcome.
void check_answer(const std::string& text) {
  const docket::AttemptId id{{1, 2}, 1};
  const auto answer = docket::agent::read_run_answer(id, 200, std::string(text));
  if (answer.ending != docket::Ending::ran) {
    CHECK_THAT(answer.ending == docket::Ending::unreadable && !answer.detail.empty());
    return;
  }
  const auto body = json::parse(answer.body);
  CHECK_THAT(body.at("run_id") == id.job.text());
  CHECK_THAT(body.at("outcome") == answer.outcome);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  check_answer(text);
  [[maybe_unused]] const auto languages = docket::agent::read_languages(text);
  return 0;
}
