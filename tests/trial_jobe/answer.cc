#include "tests/trial_jobe/answer.h"

#include <nlohmann/json.hpp>

#include "tests/trial_jobe/json_text.h"

namespace docket::trial_jobe {

Answer error_answer(int status, std::string_view text) {
  return {status, dump_json(std::string(text))};
}

Answer exception_answer(std::string_view reason) {
  return error_answer(500, "Server exception (" + std::string(reason) + ")");
}

Answer result_answer(const RunResult& result) {
  nlohmann::ordered_json fields;
  fields["run_id"] = nullptr;
  if (!result.run_id.empty()) fields["run_id"] = result.run_id;
  fields["outcome"] = result.outcome;
  fields["cmpinfo"] = readable_text(result.cmpinfo);
  fields["stdout"] = readable_text(result.out);
  fields["stderr"] = readable_text(result.err);
  return {200, dump_json(fields)};
}

Answer overload_answer() {
  return result_answer({"0", 21, "", "", ""});
}

}  // namespace docket::trial_jobe
