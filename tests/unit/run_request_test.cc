// The body of POST runs, held against what Jobe 2.2.2 answers. Where Jobe answers 500 to a client's
// mistake, Docket answers 400 on purpose.
#include "master/http/api/run_request.h"

#include <doctest/doctest.h>

#include "master/core/settings.h"

using namespace docket;
using namespace docket::http;

namespace {

RunRequest accepted(const std::string& body) {
  auto run = parse_run_request(std::string(body));
  REQUIRE_MESSAGE(run.ok(), body, " -> ", run.error().message);
  return std::move(*run);
}

// The text of the refusal.
std::string refused(const std::string& body) {
  auto run = parse_run_request(std::string(body));
  REQUIRE_MESSAGE(!run.ok(), body);
  CHECK(run.error().code == ErrorCode::invalid);
  return run.error().message;
}

// A good request with more members in its run_spec.
std::string with(const std::string& members) {
  return R"({"run_spec":{"language_id":"c","sourcecode":"x")" +
         (members.empty() ? "" : "," + members) + "}}";
}

std::string with_name(const std::string& name) {
  return with("\"sourcefilename\":" + name);
}

std::string with_files(const std::string& list) {
  return with("\"file_list\":" + list);
}

std::string with_cputime(const std::string& value) {
  return with(R"("parameters":{"cputime":)" + value + "}");
}

constexpr const char* kIllegalName = "The sourcefilename for the run_spec is illegal";

}  // namespace

TEST_SUITE("run request") {
  TEST_CASE("a good request passes through byte for byte") {
    const std::string body =
        "{ \"run_spec\" : {\"language_id\":\"Python3\",\"sourcecode\":\"print('\\u00e9\xc3\xa9')\","
        "\"sourcefilename\":\"__tester__.python3\",\"input\":\"a\\u2028\\/\",\"unknown\":[1.50],"
        "\"file_list\":[[\"be456a3c024d8e8bfe7481d9fd1dc37f\",\"a.txt\"]],"
        "\"parameters\":{\"cputime\":3}} , \"other\":1}\n";
    const RunRequest run = accepted(body);
    CHECK(*run.body == body);
    CHECK(run.language == "python3");
    CHECK(run.cputime_s == 3);
    CHECK(run.files == std::vector<std::string>{"be456a3c024d8e8bfe7481d9fd1dc37f"});
  }

  TEST_CASE("bodies that are no request") {
    CHECK(refused("") == "Non-JSON post data received");
    for (const char* body : {"null", "true", "7", "\"text\"", "[]"}) {
      CHECK(refused(body) == "Non-JSON post data received");
    }
    for (const char* body : {R"({"x":1})", "{}", R"({"run_spec":"hello"})", R"({"run_spec":[1,2]})",
                             R"({"run_spec":null})", R"({"language_id":"c","sourcecode":"x"})"}) {
      CHECK(refused(body) == "No run_spec attribute found in post data");
    }
    for (const std::string& body :
         std::vector<std::string>{"hello", R"({"run_spec": {"language_id": "c")", "run_spec=x",
                                  "{\"run_spec\":{\"language_id\":\"c\",\"sourcecode\":\"\xe9\"}}",
                                  R"({"run_spec":{"language_id":"c","sourcecode":"\ud800"}})",
                                  with("") + "x", "\x1f\x8b\x08"}) {
      CHECK(refused(body).starts_with("The body is not valid JSON: it fails at byte "));
    }
  }

  TEST_CASE("required members, the source first") {
    CHECK(refused(R"({"run_spec":{}})") ==
          "run_spec is missing the required attribute 'sourcecode'");
    CHECK(refused(R"({"run_spec":{"language_id":"c"}})") ==
          "run_spec is missing the required attribute 'sourcecode'");
    CHECK(refused(R"({"run_spec":{"sourcecode":"x"}})") ==
          "run_spec is missing the required attribute 'language_id'");
  }

  TEST_CASE("texts: numbers and booleans pass, lists and objects do not") {
    for (const char* value : {"7", "true", "false", "null", "\"\"", "\"0\"", "1.5"}) {
      accepted(with("\"input\":" + std::string(value)));
    }
    for (const char* value : {"[\"a\"]", "{}"}) {
      CHECK(refused(with("\"input\":" + std::string(value))) ==
            "run_spec attribute 'input' must be text");
      CHECK(refused(R"({"run_spec":{"language_id":"c","sourcecode":)" + std::string(value) +
                    "}}") == "run_spec attribute 'sourcecode' must be text");
      CHECK(refused(R"({"run_spec":{"sourcecode":"x","language_id":)" + std::string(value) +
                    "}}") == "run_spec attribute 'language_id' must be text");
    }
    CHECK(accepted(R"({"run_spec":{"sourcecode":"x","language_id":"CPP-É"}})").language == "cpp-É");
    CHECK(accepted(R"({"run_spec":{"sourcecode":"x","language_id":7}})").language == "7");
  }

  TEST_CASE("names of the source") {
    for (const char* name : {"\"\"", "null", "\"prog.java\"", "\"a b\"", "\"a..b\"", "\"é.py\"",
                             "\"a-b.c\"", "\"a.\"", "\"__tester__.python3\""}) {
      accepted(with_name(name));
    }
    for (const char* name : {"\"../x\"", "\".\"", "\".hid\"", "\"-x\"", "\"a/b\"", "\"a:b\"",
                             "\"a;b.py\"", "\"a'b\"", R"("a\"b")", "\"a$b\"", "\"a~b.py\"",
                             "\"a`b.py\"", R"("a\u0000b.py")", R"("a\nb.py")", R"("a\u007fb")"}) {
      CAPTURE(name);
      CHECK(refused(with_name(name)) == kIllegalName);
    }
    CHECK(refused(with_name("[\"a\"]")) == "run_spec attribute 'sourcefilename' must be text");
  }

  TEST_CASE("support files are listed once each, in order") {
    CHECK(accepted(with("")).files.empty());
    CHECK(accepted(with_files("null")).files.empty());
    CHECK(accepted(with_files("[]")).files.empty());
    CHECK(accepted(with_files(R"([["bbbbbbbb","b"],["aaaaaaaa","a",true],["bbbbbbbb","c"]])"))
              .files == std::vector<std::string>{"bbbbbbbb", "aaaaaaaa"});
    CHECK(accepted(with_files(R"({"x":["aaaaaaaa",".hid"]})")).files.size() == 1);
    CHECK(accepted(with_files(R"([["BE456A3C024D8E8BFE7481D9FD1DC37F","A-b_c.1"]])")).files[0] ==
          "BE456A3C024D8E8BFE7481D9FD1DC37F");
  }

  TEST_CASE("malformed elements of file_list are shown as Jobe shows them") {
    const auto invalid = [](const std::string& lines) {
      return "Invalid file specifier: Array\n(\n" + lines + ")\n";
    };
    CHECK(refused(with_files(R"([["abcd-efgh-1","a.txt"]])")) ==
          invalid("    [0] => abcd-efgh-1\n    [1] => a.txt\n"));
    CHECK(refused(with_files(R"([["../../etc/passwd","a.txt"]])")) ==
          invalid("    [0] => ../../etc/passwd\n    [1] => a.txt\n"));
    CHECK(refused(with_files(R"([["abcdefg","a.txt"]])")) ==
          invalid("    [0] => abcdefg\n    [1] => a.txt\n"));
    CHECK(refused(with_files(R"([["abcdefgh","a/b.txt"]])")) ==
          invalid("    [0] => abcdefgh\n    [1] => a/b.txt\n"));
    CHECK(refused(with_files(R"([["abcdefgh","\u00e9.txt"]])")) ==
          invalid("    [0] => abcdefgh\n    [1] => é.txt\n"));
    CHECK(refused(with_files(R"([["abcdefgh",".."]])")) ==
          invalid("    [0] => abcdefgh\n    [1] => ..\n"));
    CHECK(refused(with_files(R"([["abcdefgh",""]])")) ==
          invalid("    [0] => abcdefgh\n    [1] => \n"));
    CHECK(refused(with_files(R"([["abcdefgh"]])")) == invalid("    [0] => abcdefgh\n"));
    CHECK(refused(with_files(R"([["abcdefgh","a",1,2]])")) ==
          invalid("    [0] => abcdefgh\n    [1] => a\n    [2] => 1\n    [3] => 2\n"));
    CHECK(refused(with_files(R"([[12345678,"a.txt"]])")) ==
          invalid("    [0] => 12345678\n    [1] => a.txt\n"));
    CHECK(refused(with_files("[[]]")) == invalid(""));
    CHECK(refused(with_files("5")) == "run_spec attribute 'file_list' must be a list");
    CHECK(refused(with_files(R"(["abcdefgh"])")) == "each element of file_list must be a list");
    std::string many = "[[\"abcdefgh\",\"a\"]";
    for (int i = 0; i < 1'024; ++i) many += ",[\"abcdefgh\",\"a\"]";
    CHECK(refused(with_files(many + "]")) == "file_list has more than 1024 files");
  }

  TEST_CASE("cputime: its integer part, at most 120; what is no number is ignored") {
    CHECK(accepted(with("")).cputime_s == kDefaultCputimeSeconds);
    CHECK(accepted(with(R"("parameters":[])")).cputime_s == kDefaultCputimeSeconds);
    CHECK(accepted(with_cputime("7")).cputime_s == 7);
    CHECK(accepted(with_cputime("7.9")).cputime_s == 7);
    CHECK(accepted(with_cputime("120")).cputime_s == 120);
    CHECK(accepted(with_cputime("120.9")).cputime_s == 120);
    for (const char* value : {"0", "-1", "-1e300", "0.5", "null", "\"500\"", "true", "[500]"}) {
      CAPTURE(value);
      CHECK(accepted(with_cputime(value)).cputime_s == kDefaultCputimeSeconds);
    }
    for (const char* value : {"121", "1e300", "18446744073709551615"}) {
      CHECK(refused(with_cputime(value)) ==
            "cputime exceeds maximum allowed on this Jobe server (120 secs)");
    }
  }

  TEST_CASE("a key of the client reaches neither disk nor sandbox") {
    for (
        const std::string& body : std::vector<std::string>{
            with(R"("jobeapikey":"SECRET")"),
            with(R"("parameters":{"cputime":3,"jobeapikey":"SECRET"})"),
            with(R"("parameters":{"jobeapikey":"SECRET"},"jobeapikey":"SECRET")"),
            R"({"jobeapikey":"SECRET","run_spec":{"language_id":"c","sourcecode":"x"}})",
            with(R"("parameters":{"jobeapikey":"SECRET"},"parameters":{})"),
            R"({"run_spec":{"jobeapikey":"SECRET"},"run_spec":{"language_id":"c","sourcecode":"x"}})"}) {
      CAPTURE(body);
      const RunRequest run = accepted(body);
      CHECK(run.body->find("SECRET") == std::string::npos);
      CHECK(run.body->find("jobeapikey") == std::string::npos);
      CHECK(run.body->find("\"sourcecode\":\"x\"") != std::string::npos);
    }
    const std::string innocent =
        R"({"run_spec":{"language_id":"c","sourcecode":"char* s = \"jobeapikey\";"}})";
    CHECK(*accepted(innocent).body == innocent);
  }
}
