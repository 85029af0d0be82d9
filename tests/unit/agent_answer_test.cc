// What a sandbox's answers mean: results, faults, bodies that are no result, lists of languages.
#include "agent/jobe/answer.h"

#include <doctest/doctest.h>

#include "agent/core/fault_signature.h"

using namespace docket;
using namespace docket::agent;

namespace {

const AttemptId kAttempt{{0x0192d3a4b5c60001, 0x1122334455667788}, 3};

RunAnswered read(int status, std::string body) {
  return read_run_answer(kAttempt, status, std::move(body));
}

// The body that a client gets for a sandbox's 200.
std::string passed_on(std::string body) {
  auto answer = read(200, std::move(body));
  REQUIRE(answer.ending == Ending::ran);
  return answer.body;
}

}  // namespace

TEST_SUITE("agent answer") {
  TEST_CASE("run_id becomes the job's id and every other byte stays") {
    const std::string id = "\"" + kAttempt.job.text() + "\"";
    const std::string rest =
        ",\"outcome\":15, \"cmpinfo\" : \"\",\"stdout\":\"a\xe2\x80\xa8"
        "b\\u2028\\u0000\\/ /"
        "\xf0\x9f\x98\x80"
        "\\ud83d\\ude00\",\t\"stderr\":\"run_id\",\"x\":1.50e0}\n";
    for (const char* run_id : {"null", "\"0\"", "7", "-1.5e3", "true", "\"\"", "\"/home/jobe/x\"",
                               R"("text with \" , } escape")", R"("ends with \\")", "12 "}) {
      CAPTURE(run_id);
      CHECK(passed_on("{\"run_id\":" + std::string(run_id) + rest) == "{\"run_id\":" + id + rest);
    }
    CHECK(passed_on(R"({"outcome":15,"run_id":null})") == R"({"outcome":15,"run_id":)" + id + "}");
  }

  TEST_CASE("run_id is replaced wherever it stands and whatever it is") {
    const std::string id = "\"" + kAttempt.job.text() + "\"";
    CHECK(passed_on(R"({"outcome":15,"run_id":"x","stdout":"é"})") ==
          R"({"outcome":15,"run_id":)" + id + R"(,"stdout":"é"})");
    CHECK(passed_on(R"({"outcome":15})") == R"({"outcome":15,"run_id":)" + id + "}");
    for (const char* body :
         {R"({"run_id": null,"outcome":15})", R"({"run_id":{"a":1},"outcome":15})",
          R"({"run_id":[1,2],"outcome":15})", R"({ "run_id":1,"outcome":15})",
          "{\"run_id\":\n{\"a\":1},\"outcome\":15}", "{\"run_id\":\t\"a,b\",\"outcome\":15}",
          "{\"run_id\":\r\n[1,2],\"outcome\":15}",
          // Of two members of one name a client takes the last.
          R"({"run_id":null,"outcome":11,"run_id":"/home/jobe/x","outcome":15})",
          R"({"run_id":"x","run\u005fid":"x","outcome":15})"}) {
      CAPTURE(body);
      CHECK(passed_on(body) == "{\"run_id\":" + id + ",\"outcome\":15}");
    }
  }

  TEST_CASE("outcomes are read") {
    for (const unsigned outcome : {0u, 11u, 12u, 13u, 15u, 17u, 19u, 20u, 21u, 255u}) {
      const auto answer =
          read(200, "{\"run_id\":null,\"outcome\":" + std::to_string(outcome) + "}");
      CHECK(answer.ending == Ending::ran);
      CHECK(answer.outcome == outcome);
      CHECK(answer.http_status == 200);
      CHECK(answer.id == kAttempt);
      CHECK(answer.fault_signature.empty());
    }
  }

  TEST_CASE("a 200 that is no result is unreadable") {
    const std::string deep(100'000, '[');
    for (const std::string& body : std::vector<std::string>{"",
                                                            "{\"run_id\":null,\"outcome\":1",
                                                            "[]",
                                                            "[15]",
                                                            "null",
                                                            "15",
                                                            "\"ok\"",
                                                            "{}",
                                                            "<html>",
                                                            R"({"run_id":null})",
                                                            R"({"outcome":null})",
                                                            R"({"outcome":"15"})",
                                                            R"({"outcome":15.0})",
                                                            R"({"outcome":-1})",
                                                            R"({"outcome":256})",
                                                            R"({"outcome":4294967311})",
                                                            R"({"outcome":18446744073709551615})",
                                                            R"({"outcome":1e30})",
                                                            R"({"outcome":[15]})",
                                                            R"({"outcome":15} trailing)",
                                                            "{\"outcome\":15,\"stdout\":\"\xe9\"}",
                                                            deep}) {
      CAPTURE(body.substr(0, 80));
      const auto answer = read(200, body);
      CHECK(answer.ending == Ending::unreadable);
      CHECK(answer.body.empty());
      CHECK_FALSE(answer.detail.empty());
    }
  }

  TEST_CASE("other statuses") {
    const auto rejected = read(400, "\"cputime exceeds\"");
    CHECK(rejected.ending == Ending::rejected);
    CHECK(rejected.body == "\"cputime exceeds\"");
    CHECK(rejected.http_status == 400);
    CHECK(read(404, "\"missing\"").ending == Ending::files_missing);
    for (const int status : {100, 201, 204, 301, 401, 403, 429, 500, 502, 503}) {
      const auto answer = read(status, std::string(1'000, 'x'));
      CHECK(answer.ending == Ending::http_error);
      CHECK(answer.http_status == static_cast<std::uint32_t>(status));
      CHECK(answer.detail.size() == 200);
      CHECK(answer.body.empty());
    }
    CHECK(read(-1, "").http_status == 0);
    CHECK(read(100'000, "").http_status == 999);
  }

  TEST_CASE("an answer beyond the bound is unreadable, whatever its status") {
    for (const int status : {200, 400, 500}) {
      CHECK(read(status, std::string(kMaxBodyBytes + 1, ' ')).ending == Ending::unreadable);
    }
  }

  TEST_CASE("a sandbox's own complaint is found in cmpinfo and stderr, not in stdout") {
    const auto signature = [](const std::string& key, const std::string& text) {
      return read(200, R"({"run_id":null,"outcome":11,")" + key + "\":\"" + text + "\"}")
          .fault_signature;
    };
    CHECK(signature("cmpinfo", "runguard: cannot start `sh'\\nmore") ==
          "runguard: cannot start `sh'");
    CHECK(signature("stderr", "a\\nsudo: unable to fork") == "sudo: unable to fork");
    CHECK(signature("stdout", "runguard: cannot start") == "");
    CHECK(signature("stderr", "my runguard: is not at the beginning") == "");
    CHECK(signature("stderr", "") == "");
    CHECK(fault_signature("runguard: " + std::string(1'000, 'x'), Step::run).size() == 200);
    CHECK(fault_signature("\n\n/home/jobe/runguard: x\n", Step::run) == "/home/jobe/runguard: x");
    CHECK(read(200, R"({"outcome":11,"cmpinfo":7,"stderr":null})").ending == Ending::ran);
  }

  TEST_CASE("what the run guard says on every host alike is the program's answer") {
    const std::string guard = "/var/www/html/jobe/app/Libraries/../../runguard/runguard";
    const auto usage = "\nTry `" + guard + " --help' for more information.\n";
    for (const std::string complaint :
         {"invalid cputime specified: `0'", "invalid cputime specified: `-1'",
          "invalid runtime specified: `INF'", "invalid memory limit specified: `-1000'",
          "invalid filesize limit specified: `0'", "invalid process limit specified: `2.5'",
          "setting timer: Invalid argument",
          "invalid streamsize limit specified: `1.0E+25': Numerical result out of range"}) {
      for (const Step step : {Step::compile, Step::run}) {
        CHECK(fault_signature(guard + ": " + complaint + usage, step).empty());
        CHECK(fault_signature("runguard: " + complaint, step).empty());
      }
    }
    for (const std::string complaint :
         {"cannot start `sh': Resource temporarily unavailable", "cannot fork", "invalid root",
          "unexpected end of program"}) {
      for (const Step step : {Step::compile, Step::run}) {
        CHECK(fault_signature("a\n" + guard + ": " + complaint + usage, step) ==
              guard + ": " + complaint);
      }
    }
    const std::string killed = guard + ": warning: command terminated with signal 9";
    CHECK(fault_signature(killed + "\n", Step::compile) == killed);
    CHECK(fault_signature(killed + "\n", Step::run).empty());
    // A limit that it does not take, and then a fault of its own.
    CHECK(fault_signature(guard + ": invalid cputime specified: `0'\nsudo: x", Step::run) ==
          "sudo: x");
    for (const std::string line : {"run the runguard: x", "myrunguard: x", "a /runguard: x",
                                   "/runguard x: y", "runguard", "see sudo: x"}) {
      CHECK(fault_signature(line, Step::compile).empty());
    }
    const auto answer =
        read(200, R"({"run_id":null,"outcome":11,"cmpinfo":"/x/runguard: invalid cputime )"
                  R"(specified: `0'\nTry `/x/runguard --help'","stdout":"","stderr":""})");
    CHECK(answer.ending == Ending::ran);
    CHECK(answer.fault_signature.empty());
  }

  TEST_CASE("a compiler killed for its time is remarked, and no fault by itself") {
    // As Jobe 2.2.2 answers it, for a program that no compiler is done with and on a busy host.
    const std::string guard = "/var/www/html/jobe/app/Libraries/../../runguard/runguard";
    const std::string time_up = guard +
                                ": warning: timelimit exceeded (wall time): aborting command\n" +
                                guard + ": warning: command terminated with signal 15\n";
    CHECK(compile_time_up(time_up));
    CHECK(fault_signature(time_up, Step::compile).empty());
    CHECK(compile_time_up("prog.c:1:1: error\n" + guard +
                          ": warning: timelimit exceeded (cpu time)"));
    CHECK_FALSE(compile_time_up(guard + ": warning: command terminated with signal 9"));
    CHECK_FALSE(
        compile_time_up("prog.c:1:2: error: #error runguard: warning: timelimit exceeded "));
    // Its own complaint besides.
    CHECK(fault_signature(time_up + "sudo: unable to fork", Step::compile) ==
          "sudo: unable to fork");
    // In a run it is outcome 13, and this text is not left.
    CHECK_FALSE(fault_signature(time_up, Step::run).empty());

    const auto remark = [](const std::string& body) { return read(200, body).remark; };
    const std::string cmpinfo =
        R"x("cmpinfo":"/x/runguard: warning: timelimit exceeded (wall time)")x";
    CHECK(remark(R"({"run_id":null,"outcome":11,)" + cmpinfo + "}") == Remark::compile_time_up);
    CHECK(remark(R"({"run_id":null,"outcome":12,)" + cmpinfo + "}") == Remark::none);
  }

  TEST_CASE("an answer without a byte of text is silent") {
    const auto remark = [](int outcome, const std::string& fields) {
      return read(200, R"({"run_id":null,"outcome":)" + std::to_string(outcome) + fields + "}")
          .remark;
    };
    CHECK(remark(15, R"(,"cmpinfo":"","stdout":"","stderr":"")") == Remark::silent);
    CHECK(remark(15, "") == Remark::silent);
    CHECK(remark(15, R"(,"stdout":null)") == Remark::silent);
    CHECK(remark(15, R"(,"cmpinfo":"","stdout":"\n","stderr":"")") == Remark::none);
    CHECK(remark(15, R"(,"cmpinfo":"","stdout":"","stderr":"x")") == Remark::none);
    CHECK(remark(12, R"(,"cmpinfo":"","stdout":"","stderr":"")") == Remark::none);
    CHECK(remark(13, R"(,"cmpinfo":"","stdout":"","stderr":"")") == Remark::none);
  }

  TEST_CASE("a work directory that was another job's is a fault, a missing header is not") {
    const auto fault = [](const std::string& line) {
      return !fault_signature(line + "\n", Step::compile).empty();
    };
    const std::string gone = "No such file or directory";
    CHECK(fault("file_get_contents(/home/jobe/runs/jobe_5HSxap/prog.out): Failed to open stream: " +
                gone));
    CHECK(fault("prog.cmd: line 1: prog.out: " + gone));
    CHECK_FALSE(fault("prog.c:1:10: fatal error: prog.out: " + gone));
    CHECK_FALSE(fault("    1 | #include \"prog.out\"  // " + gone));
    CHECK_FALSE(fault("gcc: error: prog.out: " + gone));
    CHECK_FALSE(fault("cc1: fatal error: prog.out: " + gone));
    // What a program prints is its own.
    CHECK(fault_signature("prog.cmd: line 1: prog.out: " + gone, Step::run).empty());
    // Jobe 2.2.2 says it thus.
    const auto answer = read(500,
                             "\"Server exception (file_get_contents(/home/jobe/runs/jobe_x/"
                             "prog.out): Failed to open stream: No such file or directory)\"");
    CHECK(answer.ending == Ending::http_error);
    CHECK(read(500, "\"Server exception (mkdir(): File exists)\"").ending == Ending::http_error);
  }

  TEST_CASE("lists of languages") {
    const auto languages = read_languages(R"([["c","12.2.0"],["python3","3.11.2","more"]])");
    REQUIRE(languages.ok());
    CHECK(*languages == std::vector<Language>{{"c", "12.2.0"}, {"python3", "3.11.2"}});
    CHECK(read_languages("[]")->empty());
    std::string many = "[[\"c\",\"1\"]";
    for (std::size_t i = 1; i < kMaxLanguages; ++i) many += ",[\"c\",\"1\"]";
    CHECK(read_languages(many + "]")->size() == kMaxLanguages);
    const std::string long_name(kMaxNameBytes + 1, 'c');
    for (const std::string& body : std::vector<std::string>{
             "", "{}", "[1]", "[[]]", R"([["c"]])", R"([["c",1]])", R"([[1,"c"]])", R"([["","1"]])",
             R"({"c":"1"})", R"([["c","1"])", "[[\"" + long_name + "\",\"1\"]]",
             "[[\"c\",\"" + long_name + "\"]]", many + ",[\"c\",\"1\"]]"}) {
      CAPTURE(body.substr(0, 80));
      CHECK_FALSE(read_languages(body).ok());
    }
  }
}
