// What a load test concludes from its answers.
#include "master/cli/load_result.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace docket::cli {
namespace {

constexpr const char* kRight =
    R"({"run_id":"x","outcome":15,"cmpinfo":"","stdout":"docket canary 42\n","stderr":""})";

LoadResult measured() {
  LoadResult result;
  result.asked = 100;
  for (int i = 1; i <= 98; ++i) result.right_s.push_back(i / 10.0);
  result.wrong = {{"HTTP 503", 2}};
  result.took_s = 10;
  return result;
}

}  // namespace

TEST_CASE("load test: an answer is right only with the program's output") {
  CHECK(load_problem(200, kRight).empty());
  CHECK(load_problem(503, "") == "HTTP 503");
  CHECK(load_problem(200, "<html>") == "an answer that is no result");
  CHECK(load_problem(200, R"({"outcome":15,"stdout":"42\n"})") ==
        "another output than the program's");
  CHECK(load_problem(200, R"({"outcome":13,"stdout":""})").find("time limit") != std::string::npos);
  CHECK(load_problem(200, R"({"outcome":"15"})") == "an answer that is no result");
}

TEST_CASE("load test: quantiles are values that were measured") {
  CHECK(quantile({}, 0.5) == 0);
  CHECK(quantile({7}, 0.95) == 7);
  CHECK(quantile({1, 2, 3, 4}, 0.5) == 2);
  CHECK(quantile({1, 2, 3, 4}, 1) == 4);
}

TEST_CASE(
    "load test: the longest wait shrinks with the hosts, and nothing measured tells nothing") {
  const LoadResult result = measured();  // 10 runs/s
  CHECK(longest_wait_s(result, {2, 8}, 500, 0) == doctest::Approx(50));
  CHECK(longest_wait_s(result, {2, 8}, 500, 2) == doctest::Approx(25));
  CHECK(longest_wait_s({}, {2, 8}, 500, 0) == 0);
  CHECK(longest_wait_s(result, {}, 500, 0) == 0);
}

TEST_CASE("load test: the report names what failed and what more hosts would bring") {
  CHECK(load_text(measured(), {2, 8}, 500) ==
        "98 of 100 runs gave the right result, in 10.0 s: 10.0 runs/s on 8 slots of 2 hosts\n"
        "until the result: half within 4.9 s, 95 of 100 within 9.4 s, the last after 9.8 s\n"
        "failed: 2 with HTTP 503\n"
        "500 runs at once would wait at most 50.0 s; with 1 host more of this kind 33.3 s, with "
        "2 hosts more of this kind 25.0 s, with 4 hosts more of this kind 16.6 s\n");
  const auto json = load_json(measured(), {2, 8}, 500);
  CHECK(json["right"] == 98);
  CHECK(json["failed"]["HTTP 503"] == 2);
  CHECK(json["capacity"][0]["longest_wait_s"] == 50.0);
  CHECK(load_bar(measured(), 500) == "[####................] 100 of 500, 10.0/s, 2 failed");
}

}  // namespace docket::cli
