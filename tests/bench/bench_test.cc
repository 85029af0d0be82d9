// The parts of jobe-load that could make a measurement lie: what counts as a right answer, and the
// percentiles.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "tests/bench/answer_reader.h"
#include "tests/bench/latencies.h"

namespace docket::bench {
namespace {

using State = AnswerReader::State;

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

const std::string kRight = answer("200 OK", R"({"run_id":"x","outcome":15,"stdout":"ok\n"})");

TEST_CASE("bench: an answer is the same however its bytes are cut") {
  AnswerReader reader;
  for (std::size_t cut = 0; cut < kRight.size(); ++cut) {
    reader.next();
    CHECK(reader.feed(kRight.substr(0, cut)) == State::reading);
    CHECK(reader.feed(kRight.substr(cut)) == State::complete);
    CHECK(reader.ran_with(15));
    CHECK(reader.keep_alive());
  }
}

TEST_CASE("bench: a chunked answer is read whole") {
  AnswerReader reader;
  CHECK(reader.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "d\r\n{\"outcome\":15\r\n1\r\n}\r\n0\r\n\r\n") == State::complete);
  CHECK(reader.ran_with(15));
}

TEST_CASE("bench: a wrong status, another outcome and a second answer are not right") {
  AnswerReader reader;
  CHECK(reader.feed(answer("503 Service Unavailable", R"({"outcome":15})")) == State::complete);
  CHECK_FALSE(reader.ran_with(15));
  reader.next();
  CHECK(reader.feed(answer("200 OK", R"({"outcome":21})")) == State::complete);
  CHECK_FALSE(reader.ran_with(15));
  reader.next();
  CHECK(reader.feed(kRight + kRight) == State::failed);
  reader.next();
  CHECK(reader.feed(kRight) == State::complete);
  CHECK(reader.feed(kRight) == State::failed);
  reader.next();
  CHECK(reader.feed("gibberish\r\n\r\n") == State::failed);
}

TEST_CASE("bench: the outcome is a key's value, not any text that looks like it") {
  CHECK(outcome_of(R"({"outcome": 15})") == 15);
  CHECK(outcome_of(R"({"stdout":"outcome","outcome":12})") == 12);
  CHECK(outcome_of(R"({"stdout":"\"outcome\":15"})") == -1);
  CHECK(outcome_of(R"({"outcome":"15"})") == -1);
  CHECK(outcome_of("") == -1);
}

TEST_CASE("bench: percentiles are exact, by nearest rank") {
  Latencies latencies;
  CHECK(latencies.percentile(50) == 0);
  for (std::uint32_t us = 200; us >= 1; --us) latencies.add(us);
  CHECK(latencies.percentile(50) == 100);
  CHECK(latencies.percentile(99) == 198);
  CHECK(latencies.percentile(100) == 200);
}

}  // namespace
}  // namespace docket::bench
