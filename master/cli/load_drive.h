// The students of an exam, for a load test: each submits one program after the other, over a
// connection of its own for each as Moodle does, and waits for each result. All begin at once. One
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "master/cli/load_result.h"
#include "protocol/base/result.h"

namespace docket::cli {

struct LoadOrder {
  std::string url;      // of POST runs
  std::string api_key;  // empty: none
  std::string body;     // of each request: a canary program's (protocol/canary.h)
  std::uint32_t students = 1;
  std::uint32_t questions = 1;
};

// `goes_on` is called a few times a second with what came so far; once it says no, nothing more is
// asked and who still waits leaves, which cancels waiting runs. unavailable when this process may
// not have a connection for each student; the message says what to raise.
Result<LoadResult> drive_load(const LoadOrder& order,
                              const std::function<bool(const LoadResult&)>& goes_on);

}  // namespace docket::cli
