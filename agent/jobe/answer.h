// What a sandbox's HTTP answer means. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/result.h"

namespace docket::agent {

// Reads the answer to POST runs: 200 with a result, 400, 404 or anything else. The result's run_id
// is replaced by the job's id; every other byte stays, unless run_id does not come first.
RunAnswered read_run_answer(const AttemptId& id, int http_status, std::string&& body);

// [["c","12.2.0"], …] as GET languages answers.
Result<std::vector<Language>> read_languages(const std::string& body);

}  // namespace docket::agent
