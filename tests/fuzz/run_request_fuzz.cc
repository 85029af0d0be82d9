// Any body of POST runs, and any answer of a sandbox.
#include "agent/jobe/answer.h"
#include "master/http/api/run_request.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto request = docket::http::parse_run_request(std::string(text), {"c", "python3"});
  CHECK_THAT(request.ok() || !request.error().message.empty());
  const auto answer = docket::agent::read_run_answer({{1, 2}, 1}, 200, std::string(text));
  CHECK_THAT(answer.ending == docket::Ending::ran || answer.ending == docket::Ending::unreadable);
  [[maybe_unused]] const auto languages = docket::agent::read_languages(text);
  return 0;
}
