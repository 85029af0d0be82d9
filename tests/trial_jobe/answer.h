// What goes back to a client: a status and a JSON text, in Jobe's forms. Plain values, any thread.
#pragma once

#include <string>
#include <string_view>

namespace docket::trial_jobe {

struct Answer {
  int status = 200;
  std::string body;  // JSON, or empty
};

// An error the way Jobe sends it: the text as a JSON string, quotes included.
Answer error_answer(int status, std::string_view text);

// 500 with "Server exception (…)".
Answer exception_answer(std::string_view reason);

// The texts of a run's result, as bytes; what is not UTF-8 is escaped by result_answer().
struct RunResult {
  std::string run_id;  // empty: null
  int outcome = 0;
  std::string cmpinfo;
  std::string out;
  std::string err;
};

// 200 with {"run_id":…,"outcome":…,"cmpinfo":…,"stdout":…,"stderr":…} in this order.
Answer result_answer(const RunResult& result);

// Outcome 21: no slot became free in time.
Answer overload_answer();

}  // namespace docket::trial_jobe
