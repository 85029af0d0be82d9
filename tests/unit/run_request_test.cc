// The body of POST runs, held against what Jobe 2.2.2 answers. Where Jobe answers 500 to a client's
// mistake, Docket answers 400 on purpose.
#include "master/http/api/run_request.h"

#include <doctest/doctest.h>

#include "master/core/settings.h"

using namespace docket;
using namespace docket::http;

namespace {

const std::vector<std::string> kKnown = {"1", "c", "java", "nodejs", "pascal", "php", "python3"};

RunRequest accepted(const std::string& body) {
  auto run = parse_run_request(std::string(body), kKnown);
  REQUIRE_MESSAGE(run.ok(), body, " -> ", run.error().message);
  return std::move(*run);
}

// The text of the refusal.
std::string refused(const std::string& body) {
  auto run = parse_run_request(std::string(body), kKnown);
  REQUIRE_MESSAGE(!run.ok(), body);
  CHECK(run.error().code == ErrorCode::invalid);
  return run.error().message;
}

// A good request with more members in its run_spec.
std::string with(const std::string& members, const std::string& language = "c") {
  return "{\"run_spec\":{\"language_id\":\"" + language + "\",\"sourcecode\":\"x\"" +
         (members.empty() ? "" : "," + members) + "}}";
}

std::string with_language(const std::string& value) {
  return "{\"run_spec\":{\"sourcecode\":\"x\",\"language_id\":" + value + "}}";
}

std::string with_name(const std::string& name) {
  return with("\"sourcefilename\":" + name);
}

std::string with_files(const std::string& list) {
  return with("\"file_list\":" + list);
}

std::string with_parameter(const std::string& name, const std::string& value,
                           const std::string& language = "c") {
  return with("\"parameters\":{\"" + name + "\":" + value + "}", language);
}

std::string with_cputime(const std::string& value) {
  return with_parameter("cputime", value);
}

constexpr const char* kIllegalName = "The sourcefilename for the run_spec is illegal";
constexpr const char* kOverCputime =
    "cputime exceeds maximum allowed on this Jobe server (120 secs)";
constexpr const char* kNoRunSpec = "No run_spec attribute found in post data";

}  // namespace

TEST_SUITE("run request") {
  TEST_CASE("a good request passes through byte for byte") {
    const std::string body =
        "{ \"run_spec\" : {\"language_id\":\"Python3\",\"sourcecode\":\"print('\\u00e9\xc3\xa9')\","
        "\"sourcefilename\":\"__tester__.python3\",\"input\":\"a\\u2028\\/\",\"unknown\":[1.50],"
        "\"file_list\":[[\"be456a3c024d8e8bfe7481d9fd1dc37f\",\"a.txt\"]],"
        "\"parameters\":{\"cputime\":3}} , \"other\":1e999}\n";
    const RunRequest run = accepted(body);
    CHECK(*run.body == body);
    CHECK(run.language == "python3");
    CHECK(run.cputime_s == 3);
    CHECK(run.files == std::vector<std::string>{"be456a3c024d8e8bfe7481d9fd1dc37f"});
  }

  TEST_CASE("bodies that are no request") {
    for (const char* body : {"", "null", "true", "7", "\"text\"", "[]", "[{\"run_spec\":{}}]"}) {
      CHECK(refused(body) == "Non-JSON post data received");
    }
    for (const char* body :
         {R"({"x":1})", "{}", R"({"run_spec":"hello"})", R"({"run_spec":[1,2]})",
          R"({"run_spec":null})", R"({"run_spec":7})", R"({"RUN_SPEC":{}})",
          R"({"language_id":"c","sourcecode":"x"})", R"({"run_spec":{},"run_spec":1})"}) {
      CHECK(refused(body) == kNoRunSpec);
    }
    const std::pair<std::string, const char*> broken[] = {
        {"hello", "Syntax error at byte 1"},
        {"{\"run_spec\": {\"language_id\": \"c\"", "Syntax error at byte 33"},
        {"run_spec=x", "Syntax error at byte 1"},
        {with("") + "x", "Syntax error at byte 50"},
        {"\xef\xbb\xbf" + with(""), "Syntax error at byte 1"},
        {with("\"a\":\"\xe9\""),
         "Malformed UTF-8 characters, possibly incorrectly encoded at byte"},
        {with("\"a\":\"\\ud800\""), "Single unpaired UTF-16 surrogate in unicode escape at byte"},
        {"\x1f\x8b\x08", "Control character error, possibly incorrectly encoded at byte 1"},
        {with("") + std::string(1, '\0'), "Control character error, possibly incorrectly encoded"},
        {with("\"\\u0000\":1"), "The decoded property name is invalid"},
        {with("\"a\":" + std::string(510, '[') + std::string(510, ']')),
         "Maximum stack depth exceeded"},
    };
    for (const auto& [body, reason] : broken) {
      CAPTURE(refused(body));
      CHECK(refused(body).starts_with(std::string("The body is not valid JSON: ") + reason));
    }
    accepted(with("\"a\":" + std::string(509, '[') + std::string(509, ']')));
  }

  TEST_CASE("required members, the source first; null is as good as none") {
    for (const char* run_spec :
         {"{}", R"({"language_id":"c"})", R"({"sourcecode":null,"language_id":[]})"}) {
      CHECK(refused("{\"run_spec\":" + std::string(run_spec) + "}") ==
            "run_spec is missing the required attribute 'sourcecode'");
    }
    for (const char* run_spec :
         {R"({"sourcecode":"x"})", R"({"sourcecode":"","language_id":null})"}) {
      CHECK(refused("{\"run_spec\":" + std::string(run_spec) + "}") ==
            "run_spec is missing the required attribute 'language_id'");
    }
  }

  TEST_CASE("the checks come in Jobe's order") {
    // Each request has the mistake that is found and every later one.
    const std::string names[] = {
        "\"sourcecode\":[]", "\"language_id\":\"cobol\"",        "\"input\":[]",
        "\"debug\":[]",      "\"parameters\":{\"cputime\":121}", "\"sourcefilename\":7",
        "\"file_list\":[[]]"};
    const std::string texts[] = {"run_spec attribute 'sourcecode' must be text, not a list",
                                 "Language 'cobol' is not known",
                                 "run_spec attribute 'input' must be text, not a list",
                                 "run_spec attribute 'debug' must be true or false",
                                 kOverCputime,
                                 kIllegalName,
                                 "Invalid file specifier: Array\n(\n)\n"};
    for (std::size_t first = 0; first < std::size(names); ++first) {
      std::string members;
      for (std::size_t i = std::size(names); i-- > first;) members += "," + names[i];
      CHECK(refused(R"({"run_spec":{"sourcecode":"x","language_id":"c")" + members + "}}") ==
            texts[first]);
    }
    CHECK(refused(R"({"run_spec":{"sourcecode":{}}})") ==
          "run_spec attribute 'sourcecode' must be text, not an object");
  }

  TEST_CASE("texts: numbers and booleans pass, lists and objects do not") {
    for (const char* value : {"7", "true", "false", "null", "\"\"", "\"0\"", "1.5", "1e999"}) {
      accepted(with("\"input\":" + std::string(value)));
    }
    for (const char* value : {"7", "true", "false", "\"\"", "1.5"}) {
      accepted("{\"run_spec\":{\"language_id\":\"c\",\"sourcecode\":" + std::string(value) + "}}");
    }
    for (const std::string field : {"input", "sourcecode", "language_id", "sourcefilename"}) {
      const std::string text = "run_spec attribute '" + field + "' must be text, not ";
      CHECK(refused(with("\"" + field + "\":[\"a\"]")) == text + "a list");
      CHECK(refused(with("\"" + field + "\":{}")) == text + "an object");
    }
    for (const char* value : {"1", "0", "true", "\"yes\"", "null", "0.5", "false"}) {
      accepted(with("\"debug\":" + std::string(value)));
    }
    CHECK(refused(with("\"debug\":{}")) == "run_spec attribute 'debug' must be true or false");
  }

  TEST_CASE("languages are folded to lower case and must be known") {
    CHECK(accepted(with_language("\"PYTHON3\"")).language == "python3");
    CHECK(accepted(with_language("1")).language == "1");
    CHECK(accepted(with_language("true")).language == "1");
    CHECK(accepted(with_language("1.0")).language == "1");
    const std::pair<const char*, const char*> unknown[] = {{"\"cobol\"", "cobol"},
                                                           {"\"\"", ""},
                                                           {"\"../X\"", "../x"},
                                                           {"\" c\"", " c"},
                                                           {"\"CPP-É\"", "cpp-É"},
                                                           {"false", ""},
                                                           {"7", "7"},
                                                           {"-1.50", "-1.5"},
                                                           {"1e25", "1.0e+25"},
                                                           {"1e999", "inf"},
                                                           {"\"p\\\"y\\/é\"", "p\"y/é"},
                                                           {"-0.0", "-0"}};
    for (const auto& [value, name] : unknown) {
      CHECK(refused(with_language(value)) == "Language '" + std::string(name) + "' is not known");
    }
  }

  TEST_CASE("names of the source: every byte") {
    for (unsigned byte = 0; byte < 0x80; ++byte) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      const bool legal =
          byte >= 0x20 &&
          std::string("<>:\"/|?*#[]@!$&'()+,;={}^~`\x7f").find(static_cast<char>(byte)) ==
              std::string::npos;
      CAPTURE(byte);
      const auto run = parse_run_request(with_name("\"a" + std::string(escaped) + "b\""), kKnown);
      CHECK(run.ok() == legal);
    }
    // Illegal are the bytes A0 and AD, wherever they stand in a character.
    for (const char* name : {"\"à.py\"", "\"\\u00a0\"", "\"\\u00ad\"", "\"\\u0160\"", "\"\\u2020\"",
                             "\"\\u4e2d\"", "\"\\ud83d\\ude20\""}) {
      CAPTURE(name);
      CHECK(refused(with_name(name)) == kIllegalName);
    }
    for (const char* name :
         {"\"é.py\"", "\"\\u6587.py\"", "\"\\ud83d\\ude00\"", "\"a\\\\b\"", "\"%\""}) {
      accepted(with_name(name));
    }
  }

  TEST_CASE("names of the source") {
    for (const char* name : {"\"\"", "\"0\"", "null", "\"prog.java\"", "\"a b\"", "\" a\"",
                             "\"a..b\"", "\"a-b.c\"", "\"a.\"", "\"__tester__.python3\""}) {
      accepted(with_name(name));
    }
    for (const char* name :
         {"\"../x\"", "\".\"", "\"..\"", "\".hid\"", "\"-x\"", "7", "1.5", "true", "false", "0"}) {
      CAPTURE(name);
      CHECK(refused(with_name(name)) == kIllegalName);
    }
    accepted(with_name("\"" + std::string(255, 'x') + "\""));
    CHECK(refused(with_name("\"" + std::string(256, 'x') + "\"")) ==
          "The sourcefilename for the run_spec has a length that Jobe cannot use: 256 bytes");
    // Jobe copies it to NAME.js; a name of 3 bytes it copies onto itself, and breaks.
    for (const auto& [bytes, good] :
         {std::pair(2, true), {3, false}, {4, true}, {252, true}, {253, false}}) {
      const auto run = parse_run_request(
          with("\"sourcefilename\":\"" + std::string(bytes, 'x') + "\"", "nodejs"), kKnown);
      CHECK(run.ok() == good);
    }
    accepted(with_name("\"abc\""));
  }

  TEST_CASE("support files are listed once each, in order") {
    CHECK(accepted(with("")).files.empty());
    for (const char* none : {"null", "[]", "{}"}) CHECK(accepted(with_files(none)).files.empty());
    CHECK(accepted(with_files(R"([["bbbbbbbb","b"],["aaaaaaaa","a",true],["bbbbbbbb","c"]])"))
              .files == std::vector<std::string>{"bbbbbbbb", "aaaaaaaa"});
    CHECK(accepted(with_files(R"({"x":["bbbbbbbb",".hid"],"a":["aaaaaaaa","a"]})")).files ==
          std::vector<std::string>{"bbbbbbbb", "aaaaaaaa"});
    CHECK(accepted(with_files(R"([["BE456A3C024D8E8BFE7481D9FD1DC37F","A-b_c.1",{"x":[]}]])"))
              .files[0] == "BE456A3C024D8E8BFE7481D9FD1DC37F");
    for (const char* name : {"a..b", "..a", "-a", "a-", "_0"}) {
      accepted(with_files("[[\"abcdefgh\",\"" + std::string(name) + "\"]]"));
    }
    // Such an id cannot be in any store: the caller says that the file is missing, as Jobe does.
    accepted(with_files("[[\"" + std::string(1'000, 'a') + "\",\"a\"]]"));
  }

  TEST_CASE("malformed elements of file_list are shown as print_r() shows them") {
    const std::pair<const char*, const char*> elements[] = {
        {"[]", ""},
        {R"(["abcdefgh"])", "    [0] => abcdefgh\n"},
        {R"(["abcd-efgh-1","a.txt"])", "    [0] => abcd-efgh-1\n    [1] => a.txt\n"},
        {R"(["../../etc/passwd","a.txt"])", "    [0] => ../../etc/passwd\n    [1] => a.txt\n"},
        {R"(["abcdefg","a.txt"])", "    [0] => abcdefg\n    [1] => a.txt\n"},
        {R"(["","a.txt"])", "    [0] => \n    [1] => a.txt\n"},
        {R"(["abcdefg\u00e9","a"])", "    [0] => abcdefgé\n    [1] => a\n"},
        {R"(["abcdefgh","a/b.txt"])", "    [0] => abcdefgh\n    [1] => a/b.txt\n"},
        {R"(["abcdefgh","\u00e9.txt"])", "    [0] => abcdefgh\n    [1] => é.txt\n"},
        {R"(["abcdefgh","a b"])", "    [0] => abcdefgh\n    [1] => a b\n"},
        {R"(["abcdefgh",".."])", "    [0] => abcdefgh\n    [1] => ..\n"},
        {R"(["abcdefgh","-"])", "    [0] => abcdefgh\n    [1] => -\n"},
        {R"(["abcdefgh",""])", "    [0] => abcdefgh\n    [1] => \n"},
        {R"(["abcdefgh","a",1,2])",
         "    [0] => abcdefgh\n    [1] => a\n    [2] => 1\n    [3] => 2\n"},
        {R"([12345678,"a.txt"])", "    [0] => 12345678\n    [1] => a.txt\n"},
        {R"(["abcdefgh",7])", "    [0] => abcdefgh\n    [1] => 7\n"},
        {R"([null,true,1.0])", "    [0] => \n    [1] => 1\n    [2] => 1\n"},
        {R"([1e25,false])", "    [0] => 1.0E+25\n    [1] => \n"},
        {R"([["abcdefgh","a"],"b"])",
         "    [0] => Array\n        (\n            [0] => abcdefgh\n            [1] => a\n        "
         ")\n\n"
         "    [1] => b\n"},
        {R"(["abcdefgh",{"b":1,"a":[]}])",
         "    [0] => abcdefgh\n    [1] => stdClass Object\n        (\n            [b] => 1\n"
         "            [a] => Array\n                (\n                )\n\n        )\n\n"},
    };
    for (const auto& [element, lines] : elements) {
      const std::string text = "Invalid file specifier: Array\n(\n" + std::string(lines) + ")\n";
      CHECK(refused(with_files("[" + std::string(element) + "]")) == text);
      CHECK(refused(with_files(R"({"z":["abcdefgh","a"],"b":)" + std::string(element) +
                               R"(,"a":[]})")) == text);
    }
  }

  TEST_CASE("lists of files that are none") {
    for (const char* list : {"5", "\"abcdefgh\"", "\"\"", "true", "false", "0", "1.5"}) {
      CHECK(refused(with_files(list)) ==
            "run_spec attribute 'file_list' must be a list of [\"file id\", \"file name\"]");
    }
    for (const char* element :
         {"\"abcdefgh\"", "5", "null", "true", "{}", R"({"0":"abcdefgh","1":"a"})"}) {
      CHECK(refused(with_files("[" + std::string(element) + "]")) ==
            "each element of file_list must be a list: [\"file id\", \"file name\"]");
    }
    CHECK(refused(with_files("[[\"abcdefgh\",\"" + std::string(256, 'a') + "\"]]")) ==
          "file_list has a file name longer than 255 bytes");
    std::string many = "[[\"abcdefgh\",\"a\"]";
    for (int i = 1; i < 1'024; ++i) many += ",[\"abcdefgh\",\"a\"]";
    accepted(with_files(many + "]"));
    CHECK(refused(with_files(many + ",[\"abcdefgh\",\"a\"]]")) ==
          "file_list has more than 1024 files");
  }

  TEST_CASE("cputime: intval() of it, at most 120; what is no number is ignored") {
    CHECK(accepted(with("")).cputime_s == kDefaultCputimeSeconds);
    for (const char* none : {"null", "[]", "\"x\"", "7", "true", "[121]", "{}"}) {
      CHECK(accepted(with("\"parameters\":" + std::string(none))).cputime_s ==
            kDefaultCputimeSeconds);
    }
    const std::pair<const char*, std::uint32_t> seconds[] = {
        {"7", 7},
        {"7.9", 8},
        {"0.5", 1},
        {"120", 120},
        {"120.9", 120},
        {"\"2\"", 2},
        {"\" 2.5 \"", 3},
        {"\"1e2\"", 100},
        {"\"120.9\"", 120},
        // These the sandbox ignores or refuses itself.
        {"0", 5},
        {"-1", 5},
        {"-1e300", 5},
        {"null", 5},
        {"true", 5},
        {"false", 5},
        {"[500]", 5},
        {"[]", 5},
        {"\"abc\"", 5},
        {"\"12abc\"", 5},
        {"\"0x500\"", 5},
        {"\"\"", 5},
        {"\"-200\"", 5},
        // Beyond 64 bits PHP counts modulo 2^64, or takes an infinite number for 0.
        {"1e300", 120},
        {"1e19", 120},
        {"1e999", 120},
        {"18446744073709551615", 120},
        {"\"1e1000\"", 120}};
    for (const auto& [value, expected] : seconds) {
      CAPTURE(value);
      CHECK(accepted(with_cputime(value)).cputime_s == expected);
    }
    CHECK(accepted(with_cputime("\" 2.5 \"")).wall_ms == 5'000);
    CHECK(accepted(with("")).wall_ms == 2'000 * kDefaultCputimeSeconds);
    for (const char* value : {"121", "121.0", "9223372036854775807", "2e19", "\"121\"", "\"200\"",
                              "\"121abc\"", "\"\\t 121\"", "\"+121\"", "\"1e3\"", "\".5e3x\"",
                              "\"99999999999999999999\"", "\"1e25\""}) {
      CAPTURE(value);
      CHECK(refused(with_cputime(value)) == kOverCputime);
    }
    CHECK(refused(with_cputime("{}")) == "parameter 'cputime' must be a number of seconds");
  }

  TEST_CASE("other limits are the sandbox's to take or leave") {
    for (const char* name : {"memorylimit", "disklimit", "numprocs", "streamsize", "foo"}) {
      for (const char* value : {"0", "-1", "1e999", "\"x\"", "[]", "{}", "null", "true"}) {
        accepted(with_parameter(name, value, "c"));
      }
    }
    accepted(with_parameter("numprocs", "[]", "java"));
    CHECK(refused(with_parameter("numprocs", "{}", "java")) ==
          "parameter 'numprocs' must be a number");
  }

  TEST_CASE("arguments must be lists of texts where the language uses them") {
    const std::pair<const char*, std::vector<const char*>> users[] = {
        {"runargs", {"c", "java", "nodejs", "pascal", "php", "python3"}},
        {"interpreterargs", {"c", "java", "nodejs", "pascal", "php", "python3"}},
        {"compileargs", {"c", "java", "pascal"}},
        {"linkargs", {"c"}}};
    for (const auto& [name, languages] : users) {
      for (const std::string language : {"c", "java", "nodejs", "pascal", "php", "python3"}) {
        const bool used =
            std::find(languages.begin(), languages.end(), language) != languages.end();
        for (const char* value : {"\"-x\"", "null", "5", "{}", "{\"0\":\"a\"}", "[[]]", "[{}]"}) {
          CAPTURE(value);
          const auto run = parse_run_request(with_parameter(name, value, language), kKnown);
          CHECK(run.ok() == !used);
          if (!run.ok()) {
            CHECK(run.error().message ==
                  "parameter '" + std::string(name) + "' must be a list of texts");
          }
        }
        accepted(with_parameter(name, "[]", language));
        accepted(with_parameter(name, "[\"a b\",1,1.5,true,null]", language));
      }
    }
    for (const char* value : {"[\"a\"]", "{}"}) {
      CHECK(refused(with_parameter("main_class", value, "java")) ==
            "parameter 'main_class' must be text");
      accepted(with_parameter("main_class", value, "c"));
    }
    for (const char* value : {"[]", "\"A\"", "7", "null"}) {
      accepted(with_parameter("main_class", value, "java"));
    }
  }

  TEST_CASE("a key of the client reaches neither disk nor sandbox") {
    for (
        const std::string& body : std::vector<std::string>{
            with(R"("jobeapikey":"SECRET")"), with(R"("jobe\u0061pikey":"SECRET")"),
            with(R"("parameters":{"cputime":3,"jobeapikey":"SECRET"})"),
            with(R"("parameters":{"jobeapikey":"SECRET"},"jobeapikey":"SECRET")"),
            with(R"("extra":{"jobeapikey":"SECRET"})"),
            with(R"("parameters":[{"jobeapikey":"SECRET"}])"),
            R"({"sandboxparams":{"jobeapikey":"SECRET"},"run_spec":{"language_id":"c","sourcecode":"x"}})",
            R"({"jobeapikey":"SECRET","run_spec":{"language_id":"c","sourcecode":"x"}})",
            with(R"("parameters":{"jobeapikey":"SECRET"},"parameters":{})"),
            R"({"run_spec":{"jobe\u0061pikey":"SECRET"},"run_spec":{"language_id":"c","sourcecode":"x"}})",
            R"({"run_spec":{"jobeapikey":"SECRET"},"run_spec":{"language_id":"c","sourcecode":"x"}})"}) {
      CAPTURE(body);
      const RunRequest run = accepted(body);
      CHECK(run.body->find("SECRET") == std::string::npos);
      CHECK(run.body->find("jobeapikey") == std::string::npos);
      CHECK(run.body->find("\"sourcecode\":\"x\"") != std::string::npos);
    }
    CHECK(*accepted(with(R"("parameters":{"b":1e999,"jobeapikey":"S","a":1.0})")).body ==
          with(R"("parameters":{"b":1e999,"a":1.0})"));
    const std::string innocent =
        R"({"run_spec":{"language_id":"c","sourcecode":"char* s = \"jobeapikey\";"}})";
    CHECK(*accepted(innocent).body == innocent);
  }
}
