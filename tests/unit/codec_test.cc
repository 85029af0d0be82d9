// The wire: golden bytes for every message, round trips, and bytes that are no message.
// A change here changes protocol/README.md in the same commit.
#include "protocol/codec.h"

#include <doctest/doctest.h>

#include <random>

using namespace docket;

namespace {

const JobId kJob{0x0192d3a4b5c60001, 0x1122334455667788};
const AttemptId kAttempt{kJob, 3};

std::string hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::vector<std::pair<ToMaster, std::string>> golden_to_master() {
  Hello hello;
  hello.name = "lab-1";
  hello.instance = 7;
  hello.version = "0.1.0";
  hello.slots = 4;
  hello.weight_percent = 150;
  hello.languages = {{"c", "12.2.0"}, {"python3", "3.11.2"}};
  hello.sandbox_problem = "";
  hello.held = {kAttempt};
  hello.tags = {"exam"};
  hello.host = {4, 75, 2048, 512};
  hello.oldest_protocol = 1;
  Finished finished;
  finished.id = kAttempt;
  finished.ending = Ending::ran;
  finished.http_status = 200;
  finished.outcome = 15;
  finished.body = "{}";
  finished.detail = "d";
  finished.fault_signature = "s";
  finished.push_ms = 5;
  finished.run_ms = 300;
  finished.load_percent = 180;
  finished.remark = Remark::compile_time_up;
  const std::string id =
      "c4100192d3a4b5c600011122334455667788"
      "03";
  return {
      {hello,
       "dc0017"
       "01"
       "02"
       "a56c61622d31"
       "07"
       "a5302e312e30"
       "04"
       "cc96"
       "02"
       "a163"
       "a631322e322e30"
       "a7707974686f6e33"
       "a6332e31312e32"
       "a0"
       "01" +
           id +
           "01"
           "a46578616d"
           "04"
           "4b"
           "cd0800"
           "cd0200"
           "01"},
      {Heartbeat{12345},
       "92"
       "04"
       "cd3039"},
      {SandboxReport{{{"c", "12.2.0"}}, "gone"},
       "95"
       "05"
       "01"
       "a163"
       "a631322e322e30"
       "a4676f6e65"},
      {HostReport{4, 150, 2048, 512},
       "96"
       "10"
       "04"
       "cc96"
       "cd0800"
       "cd0200"
       "00"},
      {NeedChunk{kAttempt, "abcd1234", 262144},
       "95"
       "0f" +
           id +
           "a86162636431323334"
           "ce00040000"},
      {finished,
       "9d"
       "0a" +
           id +
           "01"
           "ccc8"
           "0f"
           "c4027b7d"
           "a164"
           "a173"
           "05"
           "cd012c"
           "ccb4"
           "02"},
      {Draining{},
       "91"
       "0c"},
      {Bye{},
       "91"
       "0d"},
      {Join{2, "lab-1", "ab", "0.1.0", 1},
       "96"
       "11"
       "02"
       "a56c61622d31"
       "a26162"
       "a5302e312e30"
       "01"},
      {Leave{},
       "91"
       "12"},
  };
}

std::vector<std::pair<ToAgent, std::string>> golden_to_agent() {
  Welcome welcome;
  welcome.version = "0.1.0";
  welcome.master_ms = 1000;
  welcome.heartbeat_ms = 1000;
  welcome.silence_ms = 5000;
  Assign assign;
  assign.id = kAttempt;
  assign.expires_ms = 70000;
  assign.lease_ms = 60000;
  assign.language = "c";
  assign.files = {"abcd1234"};
  assign.body = "{}";
  const std::string id =
      "c4100192d3a4b5c600011122334455667788"
      "03";
  return {
      {welcome,
       "96"
       "02"
       "02"
       "a5302e312e30"
       "cd03e8"
       "cd03e8"
       "cd1388"},
      {Refused{Refusal::name_in_use, "no"},
       "93"
       "03"
       "02"
       "a26e6f"},
      {Heartbeat{0},
       "92"
       "04"
       "00"},
      {assign,
       "99"
       "06" +
           id +
           "ce00011170"
           "cdea60"
           "a163"
           "01"
           "a86162636431323334"
           "c4027b7d"},
      {FileChunk{kAttempt, "abcd1234", 10, 2, "xy", 300},
       "98"
       "08" +
           id +
           "a86162636431323334"
           "0a"
           "02"
           "c4027879"
           "cd012c"},
      {FileAbsent{kAttempt, "abcd1234"},
       "94"
       "09" +
           id + "a86162636431323334"},
      {Taken{kAttempt},
       "93"
       "0b" +
           id},
      {Cancel{kAttempt},
       "93"
       "0e" +
           id},
      {Standing{Standing::Code::awaiting, "no", {"exam"}, "0.1.0", 1000},
       "97"
       "13"
       "02"
       "a26e6f"
       "01"
       "a46578616d"
       "a5302e312e30"
       "cd03e8"},
  };
}

template <class Golden, class Decode>
void check_golden(const Golden& golden, Decode decode) {
  for (const auto& [message, bytes] : golden) {
    const std::string frame = encode(message);
    CHECK(hex(frame) == bytes);
    const auto back = decode(frame);
    REQUIRE(back.ok());
    CHECK(*back == message);
  }
}

}  // namespace

TEST_SUITE("codec") {
  TEST_CASE("golden bytes of every message to the master") {
    const auto golden = golden_to_master();
    CHECK(golden.size() == std::variant_size_v<ToMaster>);
    check_golden(golden, decode_to_master);
  }

  TEST_CASE("golden bytes of every message to an agent") {
    const auto golden = golden_to_agent();
    CHECK(golden.size() == std::variant_size_v<ToAgent>);
    check_golden(golden, decode_to_agent);
  }

  TEST_CASE("every truncation of every message is an error value") {
    for (const auto& [message, bytes] : golden_to_master()) {
      const std::string frame = encode(message);
      for (std::size_t size = 0; size < frame.size(); ++size) {
        CHECK_FALSE(decode_to_master(std::string_view(frame).substr(0, size)).ok());
      }
      CHECK_FALSE(decode_to_master(frame + "x").ok());
    }
  }

  TEST_CASE("an element behind the known ones is ignored") {
    // Heartbeat with one more field, as a later version might send it.
    const auto message = decode_to_master(std::string("\x93\x04\x05\xa1z", 5));
    REQUIRE(message.ok());
    CHECK(*message == ToMaster(Heartbeat{5}));
  }

  TEST_CASE("fields of the wrong type or out of range are named") {
    const auto problem = [](const std::string& frame) {
      const auto message = decode_to_master(frame);
      return message.ok() ? std::string("accepted") : message.error().message;
    };
    CHECK(problem("\x92\x04\xa1x") == "bad frame: type 4: sender_ms has the wrong type");
    CHECK(problem("\x91\x04") == "bad frame: type 4: sender_ms is missing");
    CHECK(problem("\x91\x63") == "bad frame: unknown type 99");
    CHECK(problem("\x91\x02") == "bad frame: unknown type 2");  // the other direction's
    CHECK(problem("") == "bad frame: not msgpack within the bounds");
    CHECK(problem("\x90") == "bad frame: not an array that begins with a type");
    CHECK(problem("GET / HTTP/1.1\r\n\r\n") != "accepted");
    CHECK(problem("\x92\x04\xff").find("sender_ms") != std::string::npos);  // negative
  }

  TEST_CASE("a count that promises more than the frame holds costs nothing") {
    // An array of four billion elements, and a binary of four gigabytes.
    CHECK_FALSE(decode_to_master(std::string("\xdd\xff\xff\xff\xff\x04", 6)).ok());
    CHECK_FALSE(decode_to_master(std::string("\x92\x04\xc6\xff\xff\xff\xff", 7)).ok());
    // A list whose count is more than its elements.
    CHECK_FALSE(decode_to_master(std::string("\x94\x05\xcd\x00\xff\xa1x\xa1y", 9)).ok());
    // Deep nesting.
    CHECK_FALSE(decode_to_master(std::string(100'000, '\x91')).ok());
  }

  TEST_CASE("random bytes and random damage never throw") {
    std::mt19937 random(42);
    std::size_t accepted = 0;
    const auto golden = golden_to_master();
    for (int round = 0; round < 20'000; ++round) {
      std::string frame;
      if (round % 2 == 0) {
        frame.resize(random() % 64);
        for (char& c : frame) c = static_cast<char>(random());
      } else {
        frame = encode(golden[random() % golden.size()].first);
        frame[random() % frame.size()] = static_cast<char>(random());
      }
      accepted += decode_to_master(frame).ok() ? 1 : 0;
      accepted += decode_to_agent(frame).ok() ? 1 : 0;
    }
    CHECK(accepted > 0);  // some damage hits only a text's letters
  }

  TEST_CASE("the largest body passes and one byte more is refused by the reader") {
    Finished finished;
    finished.id = kAttempt;
    finished.ending = Ending::ran;
    finished.body.assign(kMaxBodyBytes, 'x');
    std::string frame = encode(ToMaster(finished));
    CHECK(decode_to_master(frame).ok());
    CHECK(frame.size() <= kMaxFrameBytes);
  }
}

TEST_SUITE("job id") {
  TEST_CASE("text and back") {
    const std::string text = kJob.text();
    CHECK(text.size() == kJobIdTextBytes);
    CHECK(JobId::parse(text) == kJob);
    std::string upper = text;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    CHECK(JobId::parse(upper) == kJob);
    const JobId largest{UINT64_MAX, UINT64_MAX};
    CHECK(largest.text() == "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    CHECK(JobId::parse(largest.text()) == largest);
  }

  TEST_CASE("what is no id") {
    for (const char* text : {"", "1", "7zzzzzzzzzzzzzzzzzzzzzzzzzz", "8zzzzzzzzzzzzzzzzzzzzzzzzz",
                             "0192d3a4b5c6i0011223344556", "../../../../../etc/passwd."}) {
      CHECK_FALSE(JobId::parse(text).has_value());
    }
  }

  TEST_CASE("ids sort by time") {
    const std::array<std::uint8_t, 10> high{255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    CHECK(make_job_id(1000, high) < make_job_id(1001, {}));
    CHECK(make_job_id(1000, high).text() < make_job_id(1001, {}).text());
  }
}
