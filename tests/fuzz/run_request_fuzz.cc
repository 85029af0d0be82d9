// Any body of POST runs, and any answer of a sandbox.
#include <nlohmann/json.hpp>

#include "agent/jobe/answer.h"
#include "master/http/api/php_value.h"
#include "master/http/api/run_request.h"
#include "protocol/messages.h"

namespace {

using nlohmann::json;

// No member of that name is left, at any depth.
void check_no_secret(const docket::php::Value& value) {
  if (const auto* object = value.object()) {
    for (const auto& [name, member] : object->members()) {
      CHECK_THAT(name != "jobeapikey");
      check_no_secret(member);
    }
  } else if (const auto* list = value.list()) {
    for (const auto& element : *list) check_no_secret(element);
  }
}

// What is forwarded is JSON with its run_spec, and without a secret of the client.
void check_request(const std::string& text) {
  const auto request = docket::http::parse_run_request(std::string(text), {"c", "python3"});
  if (!request.ok()) {
    CHECK_THAT(!request.error().message.empty() && request.error().message.size() < 10'000);
    return;
  }
  const auto body = docket::php::json_decode(*request->body);  // knows 1e999 as PHP does
  CHECK_THAT(body.ok() && body->object() != nullptr);
  const docket::php::Value* run_spec = body->object()->find("run_spec");
  CHECK_THAT(run_spec != nullptr && run_spec->object() != nullptr);
  CHECK_THAT(run_spec->object()->find("sourcecode") != nullptr);
  CHECK_THAT(run_spec->object()->find("language_id") != nullptr);
  check_no_secret(*body);
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
