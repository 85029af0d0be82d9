// The trial Jobe against what was recorded from Jobe 2.2.2: validation and texts as pure functions,
// then real programs in the sandbox ("slow trial_jobe"), and that nothing is left behind by them.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "protocol/base/wake_fd.h"
#include "tests/trial_jobe/api.h"
#include "tests/trial_jobe/file_cache.h"
#include "tests/trial_jobe/guard.h"
#include "tests/trial_jobe/json_text.h"
#include "tests/trial_jobe/languages.h"
#include "tests/trial_jobe/run_queue.h"
#include "tests/trial_jobe/run_spec.h"
#include "tests/trial_jobe/runner.h"

namespace {

using namespace docket;
using namespace docket::trial_jobe;
using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kFileId = "be456a3c024d8e8bfe7481d9fd1dc37f";

bool offered(std::string_view language) {
  return language == "python3" || language == "c";
}

json spec(const std::string& language, const std::string& source, json more = json::object()) {
  json run_spec = {{"language_id", language}, {"sourcecode", source}};
  run_spec.update(more);
  return {{"run_spec", run_spec}};
}

json python(const std::string& source, json more = json::object()) {
  return spec("python3", source, std::move(more));
}

// "STATUS BODY" of a refusal, "taken" of a valid run.
std::string judged(const std::string& body) {
  const auto parsed = parse_run(body, offered);
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    return std::to_string(answer->status) + " " + answer->body;
  }
  return "taken";
}
std::string judged(const json& body) {
  return judged(body.dump());
}

RunSpec taken(const json& body) {
  auto parsed = parse_run(body.dump(), [](std::string_view) { return true; });
  REQUIRE(std::holds_alternative<RunSpec>(parsed));
  return std::get<RunSpec>(std::move(parsed));
}

}  // namespace

TEST_SUITE("trial_jobe") {
  TEST_CASE("trial_jobe: bodies that are no run are refused with Jobe's words") {
    const std::string syntax =
        "500 \"Server exception (Failed to parse JSON string. Error: Syntax error)\"";
    CHECK(judged(std::string()) == "400 \"Non-JSON post data received\"");
    CHECK(judged(std::string("null")) == "400 \"Non-JSON post data received\"");
    CHECK(judged(std::string("true")) == "400 \"Non-JSON post data received\"");
    CHECK(judged(std::string("hello")) == syntax);
    CHECK(judged(std::string("{\"run_spec\": {\"language_id\": \"c\"")) == syntax);
    CHECK(judged("\xef\xbb\xbf" + python("print(1)").dump()) == syntax);
    CHECK(judged(std::string("{\"run_spec\": {\"sourcecode\": \"print('\xe9')\"}}")) ==
          "500 \"Server exception (Failed to parse JSON string. Error: Malformed UTF-8 characters, "
          "possibly incorrectly encoded)\"");
    CHECK(judged(std::string("\x1f\x8b\x08 gzip")) ==
          "500 \"Server exception (Failed to parse JSON string. Error: Control character error, "
          "possibly incorrectly encoded)\"");
    CHECK(judged("{\"run_spec\":" + std::string(600, '[') + std::string(600, ']') + "}") ==
          "500 \"Server exception (Failed to parse JSON string. Error: Maximum stack depth "
          "exceeded)\"");
    CHECK(judged(json{{"x", 1}}) ==
          "500 \"Server exception (Undefined property: stdClass::$run_spec)\"");
    for (const json& wrong : {json("hello"), json{1, 2}, json(nullptr)}) {
      CHECK(judged(json{{"run_spec", wrong}}) ==
            "400 \"No run_spec attribute found in post data\"");
    }
  }

  TEST_CASE("trial_jobe: fields are checked in Jobe's order") {
    CHECK(judged(json{{"run_spec", json::object()}}) ==
          "400 \"run_spec is missing the required attribute 'sourcecode'\"");
    CHECK(judged(json{{"run_spec", {{"sourcecode", "x"}}}}) ==
          "400 \"run_spec is missing the required attribute 'language_id'\"");
    CHECK(judged(spec("cobol", "x")) == "400 \"Language 'cobol' is not known\"");
    CHECK(judged(spec("", "x")) == "400 \"Language '' is not known\"");
    CHECK(judged(spec("p\"y/\u00e9<b>", "x")) ==
          "400 \"Language 'p\\\"y/\u00e9<b>' is not known\"");
    CHECK(judged(spec("PYTHON3", "x")) == "taken");
    CHECK(judged(python("x", {{"sourcecode", {"a"}}})) ==
          "500 \"Server exception (Cannot assign array to property "
          "Jobe\\\\RunSpecifier::$sourcecode of type string)\"");
    CHECK(judged(python("x", {{"input", {"a"}}})) ==
          "500 \"Server exception (Cannot assign array to property "
          "Jobe\\\\RunSpecifier::$input of type string)\"");
    CHECK(judged(python("x", {{"parameters", {{"cputime", 121}}}})) ==
          "400 \"cputime exceeds maximum allowed on this Jobe server (120 secs)\"");
    for (const json& time : {json("200"), json("121abc"), json(9e18)}) {
      CHECK(
          judged(python("x", {{"parameters", {{"cputime", time}}}})).starts_with("400 \"cputime"));
    }
    CHECK(judged(python("x", {{"parameters", {{"cputime", json::object()}}}})) ==
          "500 \"Server exception (Object of class stdClass could not be converted to int)\"");
    CHECK(judged(python("x", {{"debug", json::array()}})) ==
          "500 \"Server exception (Cannot assign array to property Jobe\\\\RunSpecifier::$debug of "
          "type bool)\"");
    // Each has the mistake that is found and the next.
    CHECK(judged(python("x", {{"sourcecode", json::array()}, {"language_id", nullptr}}))
              .starts_with("500 \"Server exception (Cannot assign array"));
    CHECK(judged(spec("cobol", "x", {{"input", json::array()}})).starts_with("400 \"Language"));
    CHECK(judged(python("x", {{"parameters", {{"cputime", 121}}}, {"sourcefilename", 7}}))
              .starts_with("400 \"cputime"));
    CHECK(judged(python("x", {{"sourcefilename", 7}, {"file_list", 7}}))
              .starts_with("400 \"The sourcefilename"));
    for (const json& time : {json(120), json(120.9), json("2"), json(0.5), json("abc"), json()}) {
      CHECK(judged(python("x", {{"parameters", {{"cputime", time}}}})) == "taken");
    }
    CHECK(judged(python("x", {{"parameters", "x"}})) == "taken");
    CHECK(judged(python("x", {{"foo", {{"a", 1}}}})) == "taken");
  }

  TEST_CASE("trial_jobe: source file names") {
    const std::string illegal = "400 \"The sourcefilename for the run_spec is illegal\"";
    for (const json& name : {json("../x"),      json("a;b.py"), json(std::string("a\0b.py", 6)),
                             json("a\nb.py"),   json("."),      json("a~b.py"),
                             json("a`b.py"),    json("-x"),     json("a:b"),
                             json("a\"b"),      json("a$b"),    json(7),
                             json(true),        json("a#b"),    json("a(b"),
                             json("a|b"),       json("a^b"),    json("a@b"),
                             json("\u00e0.py"), json("\u00ad")}) {
      CHECK(judged(python("x", {{"sourcefilename", name}})) == illegal);
    }
    for (const json& name : {json(""), json(), json("a b.py"), json("\u00e9.py"), json("a..py"),
                             json("0"), json("a\\b")}) {
      CHECK(judged(python("x", {{"sourcefilename", name}})) == "taken");
    }
    CHECK(judged(python("x", {{"sourcefilename", {"a"}}})) ==
          "500 \"Server exception (ltrim(): Argument #1 ($string) must be of type string, array "
          "given)\"");
    const auto& java = *find_language("java");
    CHECK(source_name(java, "", "// a classless note\npublic  class Hello{}") == "Hello.java");
    CHECK(source_name(java, "prog.java", "import x.y; class B {} public class A{}") == "A.java");
    CHECK(source_name(java, "X.java", "public class A{}") == "X.java");
    CHECK(source_name(*find_language("c"), "", "int x;") == "prog.c");
  }

  TEST_CASE("trial_jobe: file lists") {
    const auto listed = [](json list) { return judged(python("x", {{"file_list", list}})); };
    const auto specifier = [](const std::string& lines) {
      return "400 \"Invalid file specifier: Array\\n(\\n" + lines + ")\\n\"";
    };
    const auto pair = [](json id, json name) { return json::array({json::array({id, name})}); };
    CHECK(listed(nullptr) == "taken");
    CHECK(listed(json::object()) == "taken");
    CHECK(listed(pair(kFileId, "data.bin")) == "taken");
    CHECK(listed(pair(kFileId, ".hid")) == "taken");
    CHECK(listed({{"a", json::array({kFileId, "x.txt"})}}) == "taken");
    CHECK(listed(json::array({json::array({kFileId, "a", 1})})) == "taken");
    CHECK(listed(pair("abcd-efgh-1", "a.txt")) ==
          specifier("    [0] => abcd-efgh-1\\n    [1] => a.txt\\n"));
    CHECK(listed(pair("abc", "a.txt")) == specifier("    [0] => abc\\n    [1] => a.txt\\n"));
    CHECK(listed(pair("abcdefgh", "..")) == specifier("    [0] => abcdefgh\\n    [1] => ..\\n"));
    CHECK(listed(pair("abcdefgh", "a/b")) == specifier("    [0] => abcdefgh\\n    [1] => a/b\\n"));
    CHECK(listed(pair("abcdefgh", "\u00e9")) ==
          specifier("    [0] => abcdefgh\\n    [1] => \u00e9\\n"));
    CHECK(listed(pair("abcdefgh", "")) == specifier("    [0] => abcdefgh\\n    [1] => \\n"));
    CHECK(listed(pair(12345678, "a.txt")) ==
          specifier("    [0] => 12345678\\n    [1] => a.txt\\n"));
    CHECK(listed(json::array({json::array({kFileId, "a", 1, 2})})) ==
          specifier("    [0] => " + std::string(kFileId) +
                    "\\n    [1] => a\\n    [2] => 1\\n    [3] => 2\\n"));
    CHECK(listed(json::array({json::array()})) == specifier(""));
    CHECK(listed(5) ==
          "500 \"Server exception (foreach() argument must be of type array|object, int given)\"");
    CHECK(listed(json::array({"abcdefgh"})) ==
          "500 \"Server exception (count(): Argument #1 ($value) must be of type Countable|array, "
          "string given)\"");
  }

  TEST_CASE("trial_jobe: input and debug are taken as PHP takes them") {
    const auto input = [](json value) { return taken(python("x", {{"input", value}})).input; };
    CHECK(input("0") == "");
    CHECK(input(true) == "1");
    CHECK(input(false) == "");
    CHECK(input(nullptr) == "");
    CHECK(input(12) == "12");
    CHECK(input(std::string("a\0b", 3)) == std::string("a\0b", 3));
    CHECK(taken(python("x", {{"debug", 1}})).debug);
    CHECK_FALSE(taken(python("x", {{"debug", nullptr}})).debug);
    CHECK_FALSE(taken(python("x", {{"debug", false}})).debug);
  }

  TEST_CASE("trial_jobe: limits that the run guard does not take") {
    const auto complaint = [](const char* name, json value, Step step,
                              const std::string& language = "python3") {
      const RunSpec run = taken(spec(language, "x", {{"parameters", {{name, value}}}}));
      std::string text = guard_complaint(run.parameters, step, *find_language(language));
      if (text.empty()) return text;
      const std::string guard = kGuard;
      const std::string usage = "'\nTry `" + guard + " --help' for more information.\n";
      CHECK(text.starts_with(guard + ": invalid "));
      CHECK(text.ends_with(usage));
      return text.substr(guard.size() + 10, text.size() - usage.size() - guard.size() - 10);
    };
    const std::tuple<const char*, json, const char*, const char*> limits[] = {
        {"cputime", 0, "cputime specified: `0", "cputime specified: `0"},
        {"cputime", "0", "cputime specified: `0", "cputime specified: `0"},
        {"cputime", -1, "", "cputime specified: `-1"},
        {"cputime", -0.5, "", "cputime specified: `-0.5"},
        {"cputime", " 2", "cputime specified: `", "cputime specified: `"},
        {"cputime", " 1", "", "cputime specified: `"},
        {"cputime", "2 ", "", ""},
        {"cputime", 0.5, "", ""},
        {"cputime", 1.1e308, "runtime specified: `INF", "runtime specified: `INF"},
        {"memorylimit", 0, "", ""},
        {"memorylimit", -1, "", "memory limit specified: `-1000"},
        {"memorylimit", 0.0005, "", "memory limit specified: `0.5"},
        {"memorylimit", 0.5, "", ""},
        {"memorylimit", 1e13, "memory limit specified: `1.0E+16",
         "memory limit specified: `1.0E+16"},
        {"disklimit", 0, "filesize limit specified: `0", "filesize limit specified: `0"},
        {"disklimit", -1, "", ""},
        {"disklimit", -2, "", "filesize limit specified: `-2000"},
        {"numprocs", 0, "", ""},
        {"numprocs", -1, "", "process limit specified: `0"},
        {"numprocs", 1.5, "", "process limit specified: `2.5"},
        {"numprocs", 7.5, "process limit specified: `8.5", "process limit specified: `8.5"},
        {"streamsize", 0, "", ""},
        {"streamsize", 0.01, "", ""},
        {"streamsize", -1, "streamsize limit specified: `-1000",
         "streamsize limit specified: `-1000"},
        {"streamsize", "x", "", ""},
        {"foo", -1, "", ""}};
    for (const auto& [name, value, in_compile, in_run] : limits) {
      CAPTURE(name);
      CAPTURE(value.dump());
      CHECK(complaint(name, value, Step::compile) == in_compile);
      CHECK(complaint(name, value, Step::run) == in_run);
    }
    CHECK(complaint("memorylimit", -1, Step::run, "java").empty());
    CHECK(complaint("numprocs", -1, Step::run, "java").empty());
  }

  TEST_CASE("trial_jobe: uploaded files") {
    const auto put = [](const std::string& body) {
      const auto parsed = parse_file("cafe0002", body);
      if (const auto* bytes = std::get_if<std::string>(&parsed)) return "204 " + *bytes;
      const auto& answer = std::get<Answer>(parsed);
      return std::to_string(answer.status) + " " + answer.body;
    };
    CHECK(put("{\"file_contents\":\"aGVs\\nbG8=\"}") == "204 hello");
    CHECK(put("{\"file_contents\":\"aGVsbG8\"}") == "204 hello");
    CHECK(put("{\"file_contents\":\"\"}") == "204 ");
    CHECK(put("{\"file_contents\":\"!!!not base64\"}") ==
          "400 \"put: contents of file cafe0002 are not valid base-64\"");
    CHECK(put("{\"file_contents\":\"_-8=\"}").starts_with("400"));
    CHECK(put("{\"x\":1}") == "400 \"put: missing file_contents parameter\"");
    CHECK(put("{\"file_contents\":null}") == "400 \"put: missing file_contents parameter\"");
    CHECK(put("[1]") == "400 \"put: missing file_contents parameter\"");
    CHECK(put("{\"file_contents\":[\"a\"]}") == "500 \"\"");
    CHECK(put("hello") == "500 \"\"");
  }

  TEST_CASE("trial_jobe: output that is not UTF-8 is escaped, the rest stays") {
    CHECK(readable_text("\xc3") == "\\xc3");
    CHECK(readable_text("a\x01\xff\n\t\r\x7f") == "a\\x01\\xff\n\t\r\\x7f");
    CHECK(readable_text(std::string("a\0\x7f\xc3\xa9", 5)) == std::string("a\0\x7f\xc3\xa9", 5));
    CHECK_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
    CHECK_FALSE(is_utf8("\xc0\xaf"));          // overlong
    CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
    CHECK(is_utf8("\xf0\x9f\x98\x80"));
    CHECK(result_answer({"", 15, "", "h\u00e9 \u2028 \u2029 / \x01\x0b\n\x7f", ""}).body ==
          "{\"run_id\":null,\"outcome\":15,\"cmpinfo\":\"\",\"stdout\":\"h\u00e9 \\u2028 \\u2029 / "
          "\\u0001\\u000b\\n\x7f\",\"stderr\":\"\"}");
    CHECK(overload_answer().body ==
          "{\"run_id\":\"0\",\"outcome\":21,\"cmpinfo\":\"\",\"stdout\":\"\",\"stderr\":\"\"}");
  }

  TEST_CASE("trial_jobe: versions as tools print them") {
    CHECK(version_in("12.2.0\n") == "12.2.0");
    CHECK(version_in("v20.20.2") == "20.20.2");
    CHECK(version_in("openjdk version \"17.0.15\" 2025-04-15") == "17.0.15");
    CHECK(version_in("no number 7") == "");
  }

  TEST_CASE("trial_jobe: slots are never exceeded and the rest is refused in time") {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    std::mutex mutex;
    std::map<std::uint64_t, Answer> answers;
    const auto work = [&](const RunSpec&, int slot) {
      CHECK(slot < 2);
      const int now = ++running;
      if (now > most) most = now;
      open.wait();
      --running;
      return Answer{200, "done"};
    };
    const auto respond = [&](std::uint64_t request, Answer answer) {
      std::lock_guard lock(mutex);
      CHECK(answers.emplace(request, std::move(answer)).second);
    };
    {
      RunQueue queue(2, std::chrono::milliseconds(0), work, respond);
      for (std::uint64_t request = 1; request <= 2; ++request) queue.submit(request, {});
      while (queue.stats().running < 2) std::this_thread::yield();
      for (std::uint64_t request = 3; request <= 9; ++request) queue.submit(request, {});
      CHECK(queue.stats().overloads == 7);
      gate.set_value();
      while (queue.stats().runs < 2) std::this_thread::yield();
      for (std::uint64_t request = 10; request <= 11; ++request) queue.submit(request, {});
      while (queue.stats().runs < 4) std::this_thread::yield();
      CHECK(queue.stats().max_running <= 2);
    }
    CHECK(most <= 2);
    CHECK(answers.size() == 11);
    CHECK(answers.at(1).body == "done");
    CHECK(answers.at(9).body == overload_answer().body);
    CHECK(answers.at(10).body == "done");
  }

  TEST_CASE("trial_jobe: a waiting request is refused when its time is over, or at the end") {
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    std::map<std::uint64_t, std::promise<Answer>> answers;
    for (std::uint64_t request = 1; request <= 3; ++request) answers[request];
    const auto respond = [&](std::uint64_t request, Answer answer) {
      answers.at(request).set_value(std::move(answer));
    };
    RunQueue queue(
        1, std::chrono::milliseconds(20),
        [&](const RunSpec&, int) {
          open.wait();
          return Answer{200, "done"};
        },
        respond);
    queue.submit(1, {});
    queue.submit(2, {});
    CHECK(answers.at(2).get_future().get().body == overload_answer().body);
    CHECK_FALSE(queue.drain(std::chrono::milliseconds(0)));
    queue.submit(3, {});
    CHECK(answers.at(3).get_future().get().status == 503);
    gate.set_value();
    CHECK(answers.at(1).get_future().get().body == "done");
    CHECK(queue.drain(std::chrono::seconds(10)));
  }
}

namespace {

// A server without HTTP: folders, sandbox and runner in a fresh data folder.
class Bench {
 public:
  Bench() : data_(make_data()) {
    auto found = runner.detect_languages();
    REQUIRE_MESSAGE(found.ok(), found.error().message);
    languages = std::move(found).value();
  }

  json run(const json& body, int slot = 0) {
    const Answer answer = runner.run(taken(body), slot);
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return json::parse(answer.body);
  }

  // False, with a word about it, when the language's tools are not installed.
  bool has(const std::string& language) const {
    if (languages.contains(language)) return true;
    MESSAGE("skipped: no tools for " << language);
    return false;
  }

  std::size_t work_folders() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(data_.runs()), fs::directory_iterator()));
  }

  const fs::path& folder() const { return data_.path(); }

 private:
  static DataFolder make_data() {
    auto made = DataFolder::make(fs::temp_directory_path());
    REQUIRE(made.ok());
    return std::move(made).value();
  }

  DataFolder data_;

 public:
  WakeFd stop;
  Sandbox sandbox{stop.fd()};
  FileCache files{data_.files(), 1u << 20};
  Runner runner{sandbox, files, data_.runs(), make_logger("trial_jobe_test", "error").value()};
  Api::Languages languages;
};

json result(int outcome, const std::string& out, const std::string& err = "",
            const std::string& cmpinfo = "") {
  return {{"run_id", nullptr},
          {"outcome", outcome},
          {"cmpinfo", cmpinfo},
          {"stdout", out},
          {"stderr", err}};
}

json limits(json parameters) {
  return {{"parameters", std::move(parameters)}};
}

bool contains(const json& text, const std::string& part) {
  return text.get_ref<const std::string&>().find(part) != std::string::npos;
}

std::size_t entries(const char* folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string children() {
  std::string list;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "children");
    list += std::string(std::istreambuf_iterator<char>(in), {});
  }
  return list;
}

http::Request request(const std::string& method, const std::string& path,
                      const std::string& body = "") {
  http::Request made;
  made.method = method;
  made.path = made.target = path;
  made.body = body;
  return made;
}

}  // namespace

TEST_SUITE("slow trial_jobe") {
  TEST_CASE("trial_jobe: C and C++ are compiled and run") {
    Bench bench;
    if (bench.has("c")) {
      CHECK(bench.run(spec("c", "#include <stdio.h>\nint main(void){printf(\"hello\\n\");}")) ==
            result(15, "hello\n"));
      CHECK(
          bench.run(
              spec("c", "int main(void){return x;}\n", {{"sourcefilename", "__tester__.c"}})) ==
          result(11, "", "",
                 "__tester__.c: In function ‘main’:\n__tester__.c:1:23: error: ‘x’ undeclared "
                 "(first use in this function)\n    1 | int main(void){return x;}\n      |         "
                 "              ^\n__tester__.c:1:23: note: each undeclared identifier is "
                 "reported only once for each function it appears in\n"));
      CHECK(bench.run(spec("c", "int main(void){int x;}"))["outcome"] == 11);  // -Wall -Werror
      CHECK(bench.run(spec("c", "#include <stdio.h>\nint main(void){puts(\"out\");return 3;}")) ==
            result(15, "out\n"));
      CHECK(bench.run(spec("c", "#include <stdlib.h>\nint main(void){abort();}")) ==
            result(12, "", "Aborted\n"));
      CHECK(bench.run(spec("c", "int main(void){volatile int*p=0; return *p;}",
                           limits({{"compileargs", json::array()}}))) ==
            result(12, "", "Segmentation fault\n"));
      const char* hungry =
          "#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\nint "
          "main(void){char*p=malloc(200000000UL); printf(\"%d\\n\", p!=0); fflush(stdout); "
          "memset(p,1,200000000UL);return 0;}\n";
      CHECK(bench.run(spec("c", hungry, limits({{"memorylimit", 50}}))) ==
            result(12, "0\n", "Segmentation fault\n"));
      const char* root =
          "#include <math.h>\n#include <stdio.h>\nint main(int c,char**v){printf(\"%f\\n\", "
          "sqrt(c*2.0));return 0;}";
      CHECK(bench.run(
                spec("c", root, limits({{"compileargs", {"-std=c11"}}, {"linkargs", {"-lm"}}}))) ==
            result(15, "1.414214\n"));
    }
    if (bench.has("cpp")) {
      CHECK(bench.run(spec("cpp", "#include <iostream>\nint main(){std::cout<<\"hello\\n\";}")) ==
            result(15, "hello\n"));
      CHECK(bench.run(spec("cpp", "int main(){return x;}\n"))["outcome"] == 11);
      CHECK(bench.run(spec("cpp", "int main(){volatile unsigned x=0; for(;;) x=x+1;}",
                           limits({{"cputime", 1}}))) == result(13, ""));
      CHECK(bench.run(spec("cpp",
                           "#include <iostream>\nint main(){std::string s; int n=0; "
                           "while(std::getline(std::cin,s)) ++n; std::cout<<n;}",
                           {{"input", "a\nb\nc\n"}})) == result(15, "3"));
    }
  }

  TEST_CASE("trial_jobe: Python runs as recorded") {
    Bench bench;
    if (!bench.has("python3")) return;
    const std::string read = "import sys\nprint(ascii(sys.stdin.read()))";
    const json named = {{"sourcefilename", "__tester__.python3"}};
    CHECK(bench.run(python("print(1)")) == result(15, "1\n"));
    CHECK(bench.run(python("print(1\n", named)) ==
          result(11, "", "",
                 "  File \"__tester__.python3\", line 1\n    print(1\n         ^\n"
                 "SyntaxError: '(' was never closed\n"));
    CHECK(bench.run(python("print(1)", {{"sourcefilename", "a b.py"}})) ==
          result(11, "", "", "[Errno 2] No such file or directory: 'a'"));
    CHECK(bench.run(python("import os; os.kill(os.getpid(), 9)")) == result(12, "", "Killed\n"));
    CHECK(bench.run(python("import sys; print('out'); sys.stderr.write('warn\\n')")) ==
          result(12, "out\n", "warn\n"));
    CHECK(bench.run(
              python(read, {{"input", std::string("a\0b \xc3\xa9 \xf0\x9f\x98\x80\r\n", 13)}})) ==
          result(15, "'a\\x00b \\xe9 \\U0001f600\\r\\n'\n"));
    CHECK(bench.run(python("import sys,locale\nprint(sys.stdout.encoding, "
                           "locale.getpreferredencoding())")) == result(15, "utf-8 UTF-8\n"));
    CHECK(bench.run(python("import sys; print(sys.argv)", [] {
      json more = limits({{"runargs", {"a", "b c", "$HOME"}}});
      more["sourcefilename"] = "t.py";
      return more;
    }())) == result(15, "['t.py', 'a', 'b', 'c', '/tmp']\n"));
    CHECK(bench.run(python("import sys; print(sys.flags.optimize)",
                           limits({{"interpreterargs", {"-OO"}}}))) == result(15, "2\n"));
    CHECK(
        bench.run(python("print(\"\u00e9\u4e2d\U0001F600\")", {{"sourcefilename", "\u00e9.py"}})) ==
        result(15, "\u00e9\u4e2d\U0001F600\n"));
    const json with_path = bench.run(python("print(1)", {{"debug", true}}));
    CHECK(with_path["run_id"].get<std::string>().starts_with("/home/jobe/runs/jobe_"));
  }

  TEST_CASE("trial_jobe: limits on time end a program with 13") {
    Bench bench;
    if (!bench.has("python3")) return;
    // By the CPU limit, after 3 s; the wall limit would take 4.
    CHECK(bench.run(python("import sys\nsys.stderr.write('gone')\nwhile True: pass",
                           limits({{"cputime", 2}}))) == result(13, ""));
    CHECK(bench.run(python("import time; print('partial', flush=True); time.sleep(30)",
                           limits({{"cputime", 1}}))) == result(13, "partial\n"));
    // Its descendants die with it, so that neither they nor their output are waited for.
    CHECK(bench.run(python("import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(30)\n"
                           "print('parent')")) == result(15, "parent\n"));
    const json zero = bench.run(python("print(1)", limits({{"cputime", 0}})));
    CHECK(zero["outcome"] == 11);
    CHECK(contains(zero["cmpinfo"], "runguard: invalid cputime specified: `0'\nTry `"));
    CHECK(contains(bench.run(python("print(1)", limits({{"cputime", 1e300}})))["cmpinfo"],
                   "runguard: setting timer: Invalid argument\nTry `"));
    CHECK(contains(bench.run(python("print(1)", limits({{"numprocs", 0}})))["cmpinfo"],
                   "Cannot fork"));
    const json no_disk = bench.run(python("print(1)", limits({{"disklimit", 0}})));
    CHECK(no_disk["outcome"] == 11);
    const json negative = bench.run(python("print(1)", limits({{"cputime", -1}})));
    CHECK(negative["outcome"] == 12);
    CHECK(contains(negative["stderr"], "runguard: invalid cputime specified: `-1'\nTry `"));
  }

  TEST_CASE("trial_jobe: limits on memory, files, processes and output") {
    Bench bench;
    if (!bench.has("python3")) return;
    const json hungry = bench.run(
        python("x = bytearray(300*1024*1024); print(len(x))", limits({{"memorylimit", 100}})));
    CHECK(hungry["outcome"] == 12);
    CHECK(contains(hungry["stderr"], "\nMemoryError\n"));
    CHECK(bench.run(python("print(1)", limits({{"memorylimit", 5}}))) ==
          result(12, "", "Segmentation fault\n"));
    const json full = bench.run(python("f=open('big','wb')\nf.write(b'x'*30000000)\nprint('done')",
                                       limits({{"disklimit", 5}})));
    CHECK(full["outcome"] == 12);
    CHECK(contains(full["stderr"], "OSError: [Errno 27] File too large\n"));
    const std::string forks =
        "import os\nn=0\ntry:\n  for i in range(60):\n    if os.fork()==0:\n      import time; "
        "time.sleep(2); os._exit(0)\n    n+=1\nexcept OSError as e: print(n, e)\n";
    CHECK(bench.run(python(forks, limits({{"numprocs", 10}}))) ==
          result(15, "9 [Errno 11] Resource temporarily unavailable\n"));
    CHECK(bench.run(python(forks)) ==
          result(15, "19 [Errno 11] Resource temporarily unavailable\n"));
    CHECK(bench.run(python("print('x'*100000)", limits({{"streamsize", 0.01}}))) ==
          result(15, std::string(10'240, 'x')));
    CHECK(bench.run(python("import sys; sys.stderr.write('e'*5000000)")) ==
          result(12, "", std::string(2'048'000, 'e')));
  }

  TEST_CASE("trial_jobe: processes of runs at the same time do not count together") {
    Bench bench;
    if (!bench.has("python3")) return;
    const json forks = python(
        "import os, time\nn=0\ntry:\n  for i in range(60):\n    if os.fork()==0:\n      "
        "time.sleep(2); os._exit(0)\n    n+=1\nexcept OSError: pass\ntime.sleep(0.5)\nprint(n)");
    auto other = std::async(std::launch::async, [&] { return bench.run(forks, 1); });
    CHECK(bench.run(forks, 0) == result(15, "19\n"));
    CHECK(other.get() == result(15, "19\n"));
  }

  TEST_CASE("trial_jobe: Node, and the other languages where they are installed") {
    Bench bench;
    if (bench.has("nodejs")) {
      CHECK(bench.run(spec("nodejs", "console.log('hello')")) == result(15, "hello\n"));
      CHECK(bench.run(spec("nodejs", "process.stdin.on('data', d => process.stdout.write(d))",
                           {{"input", "abc"}})) == result(15, "abc"));
      CHECK(contains(bench.run(spec("nodejs", "nonsense("))["stderr"], "SyntaxError"));
      CHECK(bench.run(spec("nodejs", "for(;;);", limits({{"cputime", 1}}))) == result(13, ""));
    }
    if (bench.has("java")) {
      const char* hello =
          "public class Hello {public static void main(String[] "
          "a){System.out.println(\"hello\");}}";
      CHECK(bench.run(spec("java", hello)) == result(15, "hello\n"));
      CHECK(bench.run(spec("java", "public class A { int f() {} }"))["outcome"] == 11);
    }
    if (bench.has("php")) {
      CHECK(bench.run(spec("php", "<?php echo \"hello\\n\";")) == result(15, "hello\n"));
      CHECK(bench.run(spec("php", "<?php echo ("))["outcome"] == 11);
    }
    if (bench.has("pascal")) {
      CHECK(bench.run(spec("pascal", "begin writeln('hello') end.")) == result(15, "hello\n"));
      CHECK(bench.run(spec("pascal", "begin nonsense end."))["outcome"] == 11);
    }
    if (bench.has("octave")) {
      CHECK(bench.run(spec("octave", "disp(1+1)")) == result(15, "2\n"));
    }
  }

  TEST_CASE("trial_jobe: support files are there, and may overwrite the source") {
    Bench bench;
    if (!bench.has("python3")) return;
    REQUIRE(bench.files.put(kFileId, std::string("data \xff\0", 7)).ok());
    const json list = json::array({json::array({kFileId, "data.bin"})});
    CHECK(bench.run(python("print(open('data.bin','rb').read())", {{"file_list", list}})) ==
          result(15, "b'data \\xff\\x00'\n"));
    CHECK(bench.run(python("open('data.bin','a').write('x'); print('ok')",
                           {{"file_list", list}})) == result(15, "ok\n"));
    CHECK(bench.run(python("print(1)", {{"sourcefilename", "data.bin"}, {"file_list", list}})) ==
          result(11, "", "", "Sorry: ValueError: source code string cannot contain null bytes"));
    const auto missing = bench.runner.run(
        taken(python("(", {{"file_list", json::array({json::array({"820449938034", "b"})})}})), 0);
    CHECK(missing.status == 404);
    CHECK(missing.body == "\"One or more of the specified files is missing/unavailable\"");
  }

  TEST_CASE("trial_jobe: a program sees neither the network nor the host's files") {
    Bench bench;
    if (!bench.has("python3")) return;
    const std::string source =
        "import os, socket\n"
        "def tried(what):\n"
        "  try: what(); return 'reached'\n"
        "  except OSError as e: return type(e).__name__\n"
        "print(tried(lambda: socket.create_connection(('1.1.1.1', 53), 1)))\n"
        "for p in ['/root', '/etc/shadow', '/etc/passwd', '/var', '/work', DATA, DATA + '/runs']:\n"
        "  print(p, os.path.exists(p))\n"
        "print(os.listdir('/home/jobe/runs') == [os.path.basename(os.getcwd())])\n"
        "for p in ['/x', '/usr/x', '/home/jobe/x', '/dev/x', '/proc/sys/kernel/hostname']:\n"
        "  print(p, tried(lambda: open(p, 'w')))\n"
        "print(tried(lambda: os.setuid(0)), os.getuid() != 0)\n"
        "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[0] == 1)\n"
        "print(len([p for p in os.listdir('/proc') if p.isdigit()]), sorted(os.environ))\n"
        "print(sorted(os.listdir('/proc/self/fd')))\n";
    const std::string data = "DATA = '" + bench.folder().string() + "'\n";
    const json seen = bench.run(python(data + source));
    CHECK(seen["stderr"] == "");
    CHECK(seen["stdout"] ==
          "OSError\n/root False\n/etc/shadow False\n/etc/passwd False\n/var False\n/work False\n" +
              bench.folder().string() + " False\n" + bench.folder().string() +
              "/runs False\nTrue\n/x OSError\n/usr/x OSError\n/home/jobe/x OSError\n/dev/x "
              "OSError\n/proc/sys/kernel/hostname PermissionError\nOSError True\nTrue\n2 "
              "['HOME', 'LANG', 'PATH', 'PWD']\n['0', '1', '2', '3']\n");
  }

  TEST_CASE("trial_jobe: a stopped server ends its programs at once") {
    Bench bench;
    if (!bench.has("python3")) return;
    auto run = std::async(std::launch::async, [&] {
      return bench.runner.run(
          taken(python("import time; time.sleep(60)", limits({{"cputime", 60}}))), 0);
    });
    CHECK(run.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout);
    bench.stop.raise();
    CHECK(run.get().status == 500);
  }

  TEST_CASE("trial_jobe: routes") {
    Bench bench;
    if (!bench.has("python3")) return;
    std::promise<Answer> answered;
    RunQueue queue(
        1, std::chrono::seconds(1),
        [&](const RunSpec& run, int slot) { return bench.runner.run(run, slot); },
        [&](std::uint64_t, Answer answer) { answered.set_value(std::move(answer)); });
    Api api({{"c", "12.2.0"}, {"python3", "3.11.2"}}, bench.files, queue);
    const auto answer = [&](const std::string& method, const std::string& path,
                            const std::string& body = "") {
      const auto response = api.handle(request(method, path, body));
      REQUIRE(response);
      return std::to_string(response->status) + (response->close ? " close " : " ") +
             response->body;
    };
    const std::string root = "/jobe/index.php/restapi/";
    CHECK(answer("GET", root + "languages") == "200 [[\"c\",\"12.2.0\"],[\"python3\",\"3.11.2\"]]");
    CHECK(answer("GET", "/jobe/restapi/languages/").starts_with("200"));
    for (const char* wrong : {"LANGUAGES", "nosuch", "", "runs", "runs/5", "files", "files/"}) {
      CHECK(answer("GET", root + wrong) == "404 \"\"");
    }
    CHECK(answer("GET", "//jobe/restapi/languages") == "404 \"\"");
    CHECK(answer("PUT", root + "files/a.b", "{\"file_contents\":\"\"}") == "404 \"\"");
    CHECK(answer("HEAD", root + "files/abc") == "404 \"\"");
    CHECK(answer("PUT", root + "files/abc/", "{\"file_contents\":\"eA==\"}") == "204 ");
    CHECK(answer("HEAD", root + "files/abc") == "204 ");
    CHECK(answer("HEAD", root + "files/ABC") == "404 \"\"");
    CHECK(answer("POST", root + "runs", "") == "400 close \"Non-JSON post data received\"");
    CHECK_FALSE(api.handle(request("POST", root + "runs/", python("print(1)").dump())));
    CHECK(json::parse(answered.get_future().get().body) == result(15, "1\n"));
    CHECK(answer("GET", "/trial/stats") ==
          "200 {\"slots\":1,\"running\":0,\"max_running\":1,\"runs\":1,\"overloads\":0,"
          "\"file_puts\":1}");
  }

  TEST_CASE("trial_jobe: hundreds of runs leave nothing behind") {
    fs::path folder;
    {
      Bench bench;
      folder = bench.folder();
      if (!bench.has("python3")) return;
      const std::size_t descriptors = entries("/proc/self/fd");
      const std::string before = children();
      const json rough[] = {
          python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
                 limits({{"cputime", 0.3}})),
          python("import os, time\nif os.fork() == 0:\n  os.setsid(); os.close(1); os.close(2)\n"
                 "  time.sleep(30)"),
          python("import time; time.sleep(30)", limits({{"cputime", 0.2}})),
          python("import os\nos.mkdir('closed'); open('closed/x','w'); os.chmod('closed', 0)\n"
                 "os.chmod('.', 0o500)"),
          python("import os\nfor i in range(3000): os.mkdir('d'); os.chdir('d')"),
      };
      const auto worker = [&](int slot) {
        for (int i = 0; i < 150; ++i) CHECK(bench.run(python("print(1)"), slot)["outcome"] == 15);
        for (int i = 0; i < 10; ++i) bench.run(rough[i % 5], slot);
      };
      std::thread second(worker, 1);
      worker(0);
      second.join();
      CHECK(bench.work_folders() == 0);
      CHECK(entries("/proc/self/fd") == descriptors);
      CHECK(children() == before);
    }
    CHECK_FALSE(fs::exists(folder));
  }
}
