// Reads and checks the body of POST runs by Jobe's own rules, so that a bad request never costs a
// sandbox anything. Pure; the texts are Jobe 2.2.2's, as recorded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "protocol/base/result.h"

namespace docket::http {

struct RunRequest {
  std::string language;  // folded to lower case
  std::uint32_t cputime_s = 0;
  std::vector<std::string> files;  // ids, each once
  Bytes body;                      // what goes to the sandbox and to disk: secrets taken out
};

// invalid with Jobe's text when Jobe would refuse it. Whether the language is known and the files
// are there is for the caller to ask.
Result<RunRequest> parse_run_request(std::string&& body);

}  // namespace docket::http
