// docs/api.md, run as a reader would: each sh block in one shell, its answer compared with the
// block that follows it.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <regex>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;

namespace {

struct Example {
  std::string commands;
  std::string answer;  // empty: any; "…" stands for anything
};

std::vector<Example> examples_in(const std::string& path) {
  std::ifstream file(path);
  std::vector<Example> examples;
  std::string* block = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      if (line == "```sh") examples.emplace_back();
      if (block == nullptr) REQUIRE_MESSAGE(!examples.empty(), "an answer without a question");
      block = block != nullptr  ? nullptr
              : line == "```sh" ? &examples.back().commands
                                : &examples.back().answer;
    } else if (block != nullptr) {
      *block += line + "\n";
    }
  }
  return examples;
}

// What differs from one time to the next becomes the same.
std::string normal(std::string text) {
  const std::pair<const char*, const char*> rules[] = {{"\r", ""},
                                                       {R"(01[0-9a-hjkmnp-tv-z]{24})", "ID"},
                                                       {R"(\d{4}-\d\d-\d\dT[0-9:.]+Z)", "TIME"},
                                                       {R"("\d+\.\d+\.\d+")", "\"VERSION\""},
                                                       {R"(\s+$)", ""}};
  for (const auto& [pattern, with] : rules) {
    text = std::regex_replace(text, std::regex(pattern), with);
  }
  return text;
}

bool answers(const std::string& actual, const std::string& expected) {
  constexpr std::string_view kAnything = "…";
  std::size_t at = 0;
  for (std::size_t from = 0;;) {
    const auto end = expected.find(kAnything, from);
    const std::string part = expected.substr(from, end - from);
    const auto found = actual.find(part, at);
    if (found == std::string::npos || (from == 0 && found != 0)) return false;
    if (end == std::string::npos) return actual.ends_with(part);
    at = found + part.size();
    from = end + kAnything.size();
  }
}

}  // namespace

TEST_SUITE("e2e api document") {
  TEST_CASE("what docs/api.md shows is what happens") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const auto examples = examples_in(std::string(DOCKET_SOURCE_DIR) + "/docs/api.md");
    REQUIRE(examples.size() > 15);
    std::string script = "exec 2>&1; set -eu; cd '" + cluster.folder() + "'\n";
    for (const auto& example : examples) script += example.commands + "printf '\\n@@@\\n'\n";
    const std::string jobe = cluster.jobe("").substr(7, cluster.jobe("").find('/', 7) - 7);
    script = std::regex_replace(script, std::regex("127.0.0.1:4000"), jobe);
    script = std::regex_replace(script, std::regex("http://127.0.0.1:4001"), cluster.ops_url());
    const std::string bin = program("docket").substr(0, program("docket").rfind('/'));
    const Ended ended = run("/bin/bash", {"-c", "PATH=" + bin + ":$PATH\n" + script},
                            cluster.folder(), {"DOCKET_MASTER=" + cluster.ops_url()}, 120'000);
    std::size_t from = 0;
    for (const auto& example : examples) {
      const auto end = ended.out.find("\n@@@\n", from);
      REQUIRE_MESSAGE(end != std::string::npos,
                      "stopped at: " << example.commands << ended.out.substr(from));
      const std::string actual = normal(ended.out.substr(from, end - from));
      CHECK_MESSAGE(answers(actual, normal(example.answer)), example.commands << actual);
      from = end + 5;
    }
    CHECK(ended.status == 0);
  }
}
