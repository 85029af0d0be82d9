// Reads and checks the body of POST runs by Jobe's own rules, in Jobe's order, so that a bad
// request never costs a sandbox anything. Pure; the texts are Jobe 2.2.2's.
//
// What is accepted here Jobe accepts too, and what is refused here Jobe refuses. Where Jobe says
// 500 "Server exception (…)" to a client's mistake, the text is ours: it names the field and what
// to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "protocol/base/result.h"

namespace docket::http {

struct RunRequest {
  std::string language;            // folded to lower case, one of the known
  std::uint32_t cputime_s = 0;     // what the sandbox will allow, rounded up; 1 to 120
  std::uint32_t wall_ms = 0;       // and by the clock: twice the CPU limit, not rounded up
  std::vector<std::string> files;  // ids, each once; some may be no id that a store can hold
  Bytes body;                      // what goes to the sandbox and to disk: secrets taken out
};

// invalid with the text of the 400 when Jobe would refuse it. Whether the files are there is for
// the caller to ask. `known_languages` are lower case and sorted.
Result<RunRequest> parse_run_request(std::string&& body,
                                     const std::vector<std::string>& known_languages);

}  // namespace docket::http
