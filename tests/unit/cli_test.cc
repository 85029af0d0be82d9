// The command line's pure parts: text made safe for a terminal, tables, ages, ids by their ends,
// what a run sends and what its outcome means. No network, no files.
#include <doctest/doctest.h>

#include "protocol/base/digest.h"

#include <nlohmann/json.hpp>
#include <set>

#include "master/cli/ask.h"
#include "master/cli/client.h"
#include "master/cli/fields.h"
#include "master/cli/run_request.h"
#include "master/cli/secret.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/base/percent.h"
#include "protocol/base/result.h"

namespace docket::cli {
namespace {

constexpr WallMs kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z

constexpr Look kLook = {.now = kNow};
constexpr Look kColoured = {.now = kNow, .colour = true};

Json job_with(const char* id) {
  return {{"id", id},         {"state", "done"},      {"language", "python3"},
          {"outcome", 15},    {"outcome_name", "ok"}, {"http_status", 200},
          {"agent", "lab-1"}, {"attempts", 1},        {"received", "2026-01-02T03:03:05.678Z"},
          {"waited_ms", 12},  {"run_ms", 2'340}};
}

}  // namespace

TEST_CASE("cli: nothing that steers a terminal is shown raw") {
  CHECK(visible("plain, Zürich, 漢字") == "plain, Zürich, 漢字");
  CHECK(visible("\x1b[31mred\n\t\x7f") == "\\x1b[31mred\\x0a\\x09\\x7f");
  CHECK(visible(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(visible("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(visible("\xe2\x80\xae") == "\\xe2\\x80\\xae");
  CHECK(visible("\xe2\x81\xa7") == "\\xe2\\x81\\xa7");
  CHECK(visible("\xff\xc3") == "\\xff\\xc3");
  CHECK(visible_lines("one\n\ttwo\r\x1b") == "one\n\ttwo\\x0d\\x1b");
}

TEST_CASE("cli: UTF-8 is what RFC 3629 says it is") {
  CHECK(valid_utf8("Zürich 漢字 \xf0\x9f\x98\x80"));
  CHECK_FALSE(valid_utf8("\xc0\x80"));          // overlong
  CHECK_FALSE(valid_utf8("\xed\xa0\x80"));      // a surrogate
  CHECK_FALSE(valid_utf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  CHECK_FALSE(valid_utf8("\xe6\xbc"));          // cut
  CHECK(width_of("Zürich") == 6);
}

TEST_CASE("cli: ages and durations are short") {
  CHECK(age(-5'000) == "0s");
  CHECK(age(59'999) == "59s");
  CHECK(age(60'000) == "1m");
  CHECK(age(3'600'000) == "1h");
  CHECK(age(49 * 3'600'000) == "2d");
  CHECK(duration(-1) == "0 ms");
  CHECK(duration(999) == "999 ms");
  CHECK(duration(2'340) == "2.3 s");
  CHECK(duration(59'999) == "59.9 s");
  CHECK(duration(185'000) == "3m 05s");
  CHECK(duration(2 * 3'600'000 + 5 * 60'000) == "2h 05m");
  CHECK(duration(76 * 3'600'000) == "3d 4h");
}

TEST_CASE("cli: times are read as the API writes them") {
  CHECK(parse_time("2026-01-02T03:04:05.678Z") == kNow);
  CHECK(parse_time("1970-01-01T00:00:00.000Z") == 0);
  CHECK_FALSE(parse_time(""));
  CHECK_FALSE(parse_time("2026-01-02"));
  CHECK_FALSE(parse_time("2026-01-02T03:04:05.678Z and more"));
}

TEST_CASE("cli: columns are as wide as their widest cell, with nothing behind the last") {
  Table table({{"NAME"}, {"N", Align::right}, {"WHY"}});
  table.add({{"Zürich"}, {"7"}, {""}});
  table.add({{"b"}, {"123"}, {"two\nlines"}});
  CHECK(table.text(kLook) ==
        "NAME      N  WHY\n"
        "Zürich    7  -\n"
        "b       123  two\\x0alines\n");
}

TEST_CASE("cli: colour changes no column") {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Tone::good}, {"y"}});
  CHECK(table.text(kColoured) == "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[32mx\x1b[0m  y\n");
  CHECK(table.text(kLook) == "A  B\nx  y\n");
}

TEST_CASE("cli: a fact without a value has no line") {
  CHECK(facts_text({{"Run", {"1"}}, {"A long label", {""}}, {"State", {"done"}}}, false) ==
        "Run    1\nState  done\n");
}

TEST_CASE("cli: the list of jobs") {
  Json queued = job_with("bbb");
  queued["state"] = "queued";
  queued["outcome"] = queued["http_status"] = queued["agent"] = queued["run_ms"] = nullptr;
  queued["outcome_name"] = "none";
  queued["attempts"] = 0;
  const Json answer = {{"jobs", {job_with("aaa"), queued}}};
  CHECK(jobs_text(answer, kLook) ==
        "ID   STATE   LANGUAGE  OUTCOME  AGENT  TRIES  WAITED    RAN  AGE\n"
        "aaa  done    python3   ok       lab-1      1   12 ms  2.3 s   1m\n"
        "bbb  queued  python3   -        -          0   12 ms      -   1m\n");
}

TEST_CASE("cli: a cancelled job has no outcome; whose key it came with is told") {
  Json cancelled = job_with("ccc");
  cancelled["state"] = "cancelled";
  cancelled["outcome"] = 21;
  cancelled["outcome_name"] = "overload";
  cancelled["key"] = "moodle";
  CHECK(outcome_in(cancelled).empty());
  const std::string text = job_text(cancelled, kLook);
  CHECK(text.find("overload") == std::string::npos);
  CHECK(text.find("Key       moodle\n") != std::string::npos);
  CHECK(job_text(job_with("aaa"), kLook).find("Key") == std::string::npos);
}

TEST_CASE("cli: refusals and expiries are told when there are any") {
  Json status = {{"refused", 0}, {"last_refused", nullptr}, {"last_refusal", ""}, {"expired", 0}};
  CHECK(status_text(status, kLook).find("efused") == std::string::npos);
  CHECK(status_text(status, kLook).find("xpired") == std::string::npos);
  status = {{"refused", 12},
            {"last_refused", "2026-01-02T03:01:05.678Z"},
            {"last_refusal", "the queue is full: 100000 jobs"},
            {"expired", 3}};
  const std::string text = status_text(status, kLook);
  CHECK(text.find("12, the last 3m ago: the queue is full: 100000 jobs\n") != std::string::npos);
  CHECK(text.find("3, having waited too long\n") != std::string::npos);
}

TEST_CASE("cli: the list of keys shows bounds where there are any") {
  const Json plain = {{"name", "moodle"},
                      {"hourly_rate", 0},
                      {"max_queued", 0},
                      {"weight", 1},
                      {"may_async", true},
                      {"priority", "normal"},
                      {"created", "2026-01-02T03:01:05.678Z"}};
  const Json bounded = {{"name", "homework"}, {"hourly_rate", 5'000},
                        {"max_queued", 200},  {"weight", 3},
                        {"may_async", false}, {"require_tags", {"exam", "gpu"}},
                        {"priority", "low"},  {"created", "2026-01-01T03:01:05.678Z"}};
  CHECK(keys_text({{"keys", {bounded, plain}}}, kLook) ==
        "NAME      PER HOUR  QUEUED  WEIGHT  PRIORITY  ASYNC  TAGS      AGE\n"
        "homework      5000     200       3  low       no     exam,gpu   1d\n"
        "moodle           -       -       1  normal    yes    -          3m\n");
}

TEST_CASE("cli: a new key, its secret and the answer to a question") {
  NewKey key;
  key.name = "moodle";
  CHECK(key_body(key, "s") ==
        R"({"name":"moodle","secret":"s","hourly_rate":0,"max_queued":0,"weight":1,)"
        R"("priority":"normal","may_async":true,"require_tags":[]})");
  CHECK_NOTHROW(key_body(key, "\xff"));
  const std::string one = make_secret();
  const std::string other = make_secret();
  CHECK(one.size() == kSecretLetters);
  CHECK(one != other);
  for (const char c : one + other) {
    CHECK(((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')));
  }
  std::set<char> seen;
  for (int i = 0; i < 100; ++i) {
    for (const char c : make_secret()) seen.insert(c);
  }
  CHECK(seen.size() == 62);  // fails once in 10^26
  CHECK(says_yes("y"));
  CHECK(says_yes("yes"));
  for (const char* no : {"", "n", "no", "yes please", " y"}) CHECK_FALSE(says_yes(no));
}

TEST_CASE("cli: the list of agents") {
  const Json agent = {{"name", "lab-1"},
                      {"state", "lost"},
                      {"reason", "silent for 12 s"},
                      {"last_seen", "2026-01-02T03:03:53.000Z"},
                      {"running", 2},
                      {"slots", 4},
                      {"weight", 0.5},
                      {"languages", {{{"id", "c"}}, {{"id", "python3"}}}},
                      {"finished", 120},
                      {"host_faults", 3}};
  CHECK(agents_text({{"agents", {agent}}}, kLook) ==
        "NAME   STATE  RUNNING  WEIGHT  LANGUAGES  DONE  FAULTS  SEEN  REASON\n"
        "lab-1  lost       2/4     0.5  c,python3   120       3   12s  silent for 12 s\n");
  Json degraded = agent;
  degraded["reason"] = "";
  degraded["degraded"] = "runguard: no";
  CHECK(agents_text({{"agents", {degraded}}}, kLook).ends_with("degraded: runguard: no\n"));
}

TEST_CASE("cli: a job's result is shown in parts, its lines kept and its escapes not") {
  Json job = job_with("aaa");
  job["result"] = {{"outcome", 15}, {"cmpinfo", ""}, {"stdout", "1\n\x1b[2J"}, {"stderr", "bad\n"}};
  const std::string text = job_text(job, kLook);
  CHECK(text.find("\nStandard output\n1\n\\x1b[2J\n\nStandard error\nbad\n") != std::string::npos);
  CHECK(text.find("Compiler") == std::string::npos);
  job["result"] = "Invalid file specifier";
  CHECK(job_text(job, kLook).ends_with("\nAnswer\nInvalid file specifier\n"));
}

TEST_CASE("cli: answers of another shape read as empty") {
  CHECK_NOTHROW(status_text(Json::object(), kLook));
  CHECK_NOTHROW(agents_text({{"agents", {1, nullptr, "x"}}}, kLook));
  CHECK_NOTHROW(jobs_text({{"jobs", {{{"id", 7}, {"attempts", "x"}}}}}, kLook));
  CHECK_NOTHROW(job_text({{"timeline", {7}}, {"result", 7}, {"files", "x"}}, kLook));
}

TEST_CASE("cli: an id by its start or its end") {
  const std::vector<std::string> ids = {"01aaa", "01aab", "01bbb"};
  CHECK(*matching_id(ids, "01b") == "01bbb");
  CHECK(*matching_id(ids, "AAB") == "01aab");
  const auto none = matching_id(ids, "zz");
  REQUIRE_FALSE(none.ok());
  CHECK(facts_of(none.error().code).exit_code == 3);
  const auto several = matching_id(ids, "01a");
  REQUIRE_FALSE(several.ok());
  CHECK(facts_of(several.error().code).exit_code == 6);
  CHECK(several.error().message.find("\n  01aaa\n  01aab") != std::string::npos);
}

TEST_CASE("cli: an HTTP status becomes the error with that status") {
  const Client client({"http://127.0.0.1:1", "", "", ""});
  const Request request;
  CHECK(error_of(client, request, {503, "\"no room\""}).code == ErrorCode::unavailable);
  CHECK(error_of(client, request, {503, "\"no\\nroom\""}).message == "no room");
  CHECK(error_of(client, request, {404, "{\"error\":\"no run\"}"}).message == "no run");
  CHECK(error_of(client, request, {401, ""}).code == ErrorCode::denied);
  CHECK(error_of(client, request, {418, "tea"}).code == ErrorCode::internal);
}

TEST_CASE("cli: the language by the file's name") {
  CHECK(language_of_file("a.c") == "c");
  CHECK(language_of_file("x/a.cpp") == "cpp");
  CHECK(language_of_file("a.cc") == "cpp");
  CHECK(language_of_file("a.tar.py") == "python3");
  CHECK(language_of_file("a.js") == "nodejs");
  CHECK(language_of_file("A.java") == "java");
  CHECK(language_of_file("a.php") == "php");
  CHECK(language_of_file("a.pas") == "pascal");
  CHECK(language_of_file("a.m") == "octave");
  CHECK(language_of_file("a.txt").empty());
  CHECK(language_of_file(".c").empty());
  CHECK(language_of_file("dir.c/prog").empty());
  CHECK(language_of_file("-").empty());
}

TEST_CASE("cli: a program keeps its name where Jobe takes it and the compiler understands it") {
  CHECK(source_name("src/Main.java", "java") == "Main.java");
  CHECK(source_name("a.txt", "c").empty());
  CHECK(source_name("two words.c", "c").empty());
  CHECK(source_name("-", "c").empty());
  CHECK(source_name("-x.c", "c").empty());
  CHECK(legal_file_name("data-1_a.csv"));
  CHECK_FALSE(legal_file_name(""));
  CHECK_FALSE(legal_file_name("a..b"));
  CHECK_FALSE(legal_file_name("a b"));
}

TEST_CASE("cli: a run sends only what was asked for") {
  RunRequest run;
  run.language = "c";
  run.source = "int main;";
  CHECK(run_body(run) == R"({"run_spec":{"language_id":"c","sourcecode":"int main;","input":""}})");
  run.source_name = "a.c";
  run.cputime_s = 2;
  run.memory_mb = 0;
  run.files = {{"900150983cd24fb0d6963f7d28e17f72", "x.csv"}};
  CHECK(run_body(run) == R"({"run_spec":{"language_id":"c","sourcecode":"int main;","input":"",)"
                         R"("sourcefilename":"a.c","parameters":{"cputime":2,"memorylimit":0},)"
                         R"("file_list":[["900150983cd24fb0d6963f7d28e17f72","x.csv"]]}})");
  CHECK(md5_hex("abc") == "900150983cd24fb0d6963f7d28e17f72");
}

TEST_CASE("cli: only outcome 15 is a success") {
  CHECK(exit_code_of(15) == 0);
  for (const int outcome : {0, 11, 12, 13, 17, 19, 20, 21, 99}) CHECK(exit_code_of(outcome) == 1);
  CHECK(outcome_sentence(11) == "compile error");
  CHECK(outcome_sentence(13) == "time limit exceeded");
  CHECK(outcome_sentence(99) == "outcome 99");
}

TEST_CASE("cli: a filter's value cannot change the query") {
  CHECK(percent_encoded("lab-2_a.b~") == "lab-2_a.b~");
  CHECK(percent_encoded("c++ &limit=1") == "c%2B%2B%20%26limit%3D1");
  CHECK(percent_encoded("\xc3\xbc") == "%C3%BC");
}

TEST_CASE("cli: why a run waits, by key and by host, with nothing that could steer a terminal") {
  const Json why = {
      {"id", "01m841bbqs7gscnex996m41pdq"},
      {"state", "queued"},
      {"language", "java"},
      {"key", "moodle"},
      {"summary", "At most 13 runs begin before it, if no others come."},
      {"priority", "normal"},
      {"retry_in_ms", nullptr},
      {"gives_up_in_ms", 590'000},
      {"ahead", Json::array({Json{{"key", "moodle"}, {"jobs", 12}, {"by_priority", false}},
                             Json{{"key", ""}, {"jobs", 1}, {"by_priority", true}}})},
      {"hosts", Json::array({Json{{"name", "lab-1"},
                                  {"state", "active"},
                                  {"since", "2026-01-02T03:01:05.678Z"},
                                  {"reason", "full: 4 of 4 slots taken"}}})},
      {"history", Json::array({"attempt 1 on lab-2, 2.1 s: \x1b[2J"})}};
  CHECK(why_text(why, kLook) ==
        "At most 13 runs begin before it, if no others come.\n"
        "\n"
        "Run       01m841bbqs7gscnex996m41pdq\n"
        "State     queued\n"
        "Language  java\n"
        "Key       moodle\n"
        "Priority  normal\n"
        "Gives up  in 9m 50s\n"
        "\n"
        "BEFORE IT  KEY     BECAUSE\n"
        "       12  moodle  the same key's, and came before\n"
        "        1  (none)  its priority is higher by now\n"
        "\n"
        "HOST   STATE   SINCE  WHY NOT THERE\n"
        "lab-1  active     3m  full: 4 of 4 slots taken\n"
        "\n"
        "attempt 1 on lab-2, 2.1 s: \\x1b[2J\n");
}

}  // namespace docket::cli
