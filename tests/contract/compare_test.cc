// The comparison itself: every kind of difference is seen, and nothing else is taken for one.
#include "tests/contract/compare.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

using namespace docket::contract;

namespace {

Exchange recorded(const std::string& name) {
  for (auto& exchange : read_recording("exchanges.jsonl")) {
    if (exchange.name == name) return exchange;
  }
  FAIL(name << " is not recorded");
  return {};
}

void set_header(Answer& answer, const std::string& name, const std::string& value) {
  std::erase_if(answer.headers, [&](const auto& header) { return header.first == name; });
  if (!value.empty()) answer.headers.emplace_back(name, value);
}

// What Docket answers to it when nothing differs.
Answer same_answer(const Exchange& exchange) {
  Answer answer = exchange.answer;
  set_header(answer, "access-control-allow-origin", "*");
  set_header(answer, "access-control-allow-headers",
             "X-API-KEY, Origin, X-Requested-With, Content-Type, Accept, "
             "Access-Control-Request-Method");
  set_header(answer, "access-control-allow-methods", "GET, POST, OPTIONS, PUT, HEAD, DELETE");
  const auto null = answer.body.find("{\"run_id\":null");
  if (null == 0) answer.body.replace(10, 4, "\"01m84aszabwzaa7acdwzyt6g5d\"");
  return answer;
}

void differ(const std::string& name, const std::function<void(Answer&)>& change) {
  const Exchange exchange = recorded(name);
  Answer answer = same_answer(exchange);
  CHECK(differences(exchange, answer, nullptr).empty());
  change(answer);
  CHECK_FALSE(differences(exchange, answer, nullptr).empty());
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

TEST_SUITE("contract comparison") {
  TEST_CASE("every difference is one") {
    const auto body = [](const char* from, const char* to) {
      return [=](Answer& answer) { replace(answer.body, from, to); };
    };
    const auto header = [](const char* name, const char* value) {
      return [=](Answer& answer) { set_header(answer, name, value); };
    };
    differ("run_python3_ok", [](Answer& answer) { answer.status = 201; });
    differ("run_python3_ok", body("\"01m84aszabwzaa7acdwzyt6g5d\"", "null"));
    differ("run_python3_ok", body("\"outcome\":15", "\"outcome\":12"));
    differ("run_python3_ok", body("\"outcome\":15", "\"outcome\":\"15\""));
    differ("run_python3_ok", body("\"stdout\":\"1\\n\"", "\"stdout\":\"1\""));
    differ("run_python3_ok", body("\"stderr\":\"\"", "\"stderr\":null"));
    differ("run_python3_ok",
           body("\"cmpinfo\":\"\",\"stdout\":\"1\\n\"", "\"stdout\":\"1\\n\",\"cmpinfo\":\"\""));
    differ("run_python3_ok", body("{", "[{"));
    differ("run_compile_error_c", body("\"stdout\":\"\"", "\"stdout\":\"x\""));
    differ("cputime_zero", body("`0'", "`1'"));
    differ("bad_language_unknown", body("not known", "unknown"));
    differ("languages_get", body("\"12.2.0\"", "12"));
    differ("languages_get", header("content-type", "application/json"));
    differ("languages_get", header("cache-control", ""));
    differ("languages_get", header("access-control-allow-origin", ""));
    differ("file_put_good", header("content-length", "0"));
    differ("file_put_good", header("content-type", "text/html"));
    differ("file_put_good", [](Answer& answer) { answer.body = "x"; });
    differ("expect_100_2MB", [](Answer& answer) { answer.interim.clear(); });
    differ("run_python3_ok", [](Answer& answer) { answer.problem = "bytes behind the answer"; });
    const Exchange unknown = recorded("route_unknown_route");
    CHECK(differences(unknown, same_answer(unknown), nullptr).size() == 3);  // CORS, unasked
  }

  TEST_CASE("what depends on a host is none") {
    const auto alike = [](const std::string& name, const char* from, const char* to) {
      const Exchange exchange = recorded(name);
      Answer answer = same_answer(exchange);
      replace(answer.body, from, to);
      CHECK(differences(exchange, answer, nullptr).empty());
    };
    alike("languages_get", "12.2.0", "14.1.0");
    alike("run_compile_error_c", "undeclared", "nowhere to be seen");
    alike("run_memlimit_python3_100", "jobe_Muuxxw", "jobe_aaaaaa");
  }

  TEST_CASE("rows") {
    CHECK(fits("a*c", "*", "abc"));
    CHECK(fits("*", "*", ""));
    CHECK(fits("a**c*", "*", "ac"));
    CHECK_FALSE(fits("ab*bc", "*", "abc"));
    CHECK_FALSE(fits("abc", "*", "abcd"));
    CHECK_FALSE(fits("a*b", "*", "abc"));
    CHECK(fits("\"…\"", "…", "\"x\""));
    CHECK_FALSE(fits("\"…\"", "…", "\""));
    const Exchange exchange = recorded("file_delete");
    Deviation row;
    row.jobe_status = 404;
    row.status = 405;
    row.bodies = {"\"a…\"", "\"b…\""};
    row.headers = {{"allow", "PUT"}};
    Answer answer = same_answer(exchange);
    answer.status = 405;
    answer.body = "\"bc\"";
    set_header(answer, "allow", "PUT");
    CHECK(differences(exchange, answer, &row).empty());
    set_header(answer, "allow", "");
    answer.body = "\"c\"";
    row.jobe_status = 500;
    CHECK(differences(exchange, answer, &row).size() == 3);
  }

  TEST_CASE("clipped bodies are whole again") {
    CHECK(recorded("post_9MB").request.body.size() == 9'437'352);
    CHECK(recorded("run_stdout_1MB").answer.body.size() == 1'000'067);
    CHECK_FALSE(recorded("route_server_root").body_known);
    CHECK(recorded("bad_json_latin1").request.body.find("\xe9") != std::string::npos);
  }
}
