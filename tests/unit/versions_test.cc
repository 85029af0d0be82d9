// Neighbouring versions of the protocol. The frames of version 1 in tests/unit/frames were written
// by the last program that spoke it, and are never to be edited.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "agent/spool/spool.h"
#include "protocol/codec.h"
#include "tests/unit/master_cluster.h"
#include "tests/unit/temporary_folder.h"

using namespace docket;
using namespace docket::test;

namespace {

struct Recorded {
  std::string direction;
  std::string frame;
};

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// By direction and name.
std::map<std::string, Recorded> recorded_v1() {
  std::ifstream file(std::string(DOCKET_SOURCE_DIR) + "/tests/unit/frames/version_1.txt");
  std::map<std::string, Recorded> frames;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string direction, name, hex;
    words >> direction >> name >> hex;
    frames[direction + " " + name] = {direction, bytes_of(hex)};
  }
  REQUIRE(frames.size() == 18);
  return frames;
}

template <class T>
T read_v1(const std::string& name) {
  const Recorded frame = recorded_v1().at(name);
  if constexpr (std::is_constructible_v<ToMaster, T> && !std::is_same_v<T, Heartbeat>) {
    auto message = decode_to_master(frame.frame);
    REQUIRE_MESSAGE(message.ok(), message.error().message);
    return std::get<T>(*message);
  } else {
    auto message = decode_to_agent(frame.frame);
    REQUIRE_MESSAGE(message.ok(), message.error().message);
    return std::get<T>(*message);
  }
}

// The same message as a later version would send it: with fields that nobody here knows.
std::string with_more_fields(std::string frame) {
  const auto first = static_cast<unsigned char>(frame[0]);
  // A number, a text, bytes, nothing, an empty list.
  const std::string more("\x07\xa3new\xc4\x02\x00\xff\xc0\x90", 11);
  constexpr std::size_t kMore = 5;
  std::size_t count = 0;
  std::size_t head = 1;
  if ((first & 0xf0) == 0x90) {
    count = first & 0x0f;
  } else {
    REQUIRE(first == 0xdc);
    count = static_cast<std::size_t>(static_cast<unsigned char>(frame[1])) << 8 |
            static_cast<unsigned char>(frame[2]);
    head = 3;
  }
  count += kMore;
  return std::string{'\xdc', static_cast<char>(count >> 8), static_cast<char>(count)} +
         frame.substr(head) + more;
}

}  // namespace

TEST_SUITE("versions") {
  TEST_CASE("every frame of version 1 is read, and says what it said") {
    for (const auto& [name, recorded] : recorded_v1()) {
      const bool readable = recorded.direction == "to_master"
                                ? decode_to_master(recorded.frame).ok()
                                : decode_to_agent(recorded.frame).ok();
      CHECK_MESSAGE(readable, name);
    }
    const auto hello = read_v1<Hello>("to_master hello");
    CHECK(hello.protocol == 1);
    CHECK(hello.name == "lab-1");
    CHECK(hello.instance == 0x0123456789abcdef);
    CHECK(hello.held.size() == 2);
    CHECK(hello.tags == std::vector<std::string>{"exam", "gpu"});
    CHECK(hello.host == HostReport{4, 75, 2048, 512});
    CHECK(hello.oldest_protocol == 0);  // it had no such field
    const auto finished = read_v1<Finished>("to_master finished");
    CHECK(finished.outcome == 15);
    CHECK(finished.body.size() == 24);
    CHECK(finished.remark == Remark::silent);
    CHECK(read_v1<Welcome>("to_agent welcome").silence_ms == 5'000);
    CHECK(read_v1<Assign>("to_agent assign").files.size() == 2);
    CHECK(read_v1<FileChunk>("to_agent file-chunk").version == 300);
  }

  TEST_CASE("what this version adds is behind what version 1 knows") {
    // A reader of version 1 ignores the rest, so its frame is ours up to the count in front.
    Hello hello = read_v1<Hello>("to_master hello");
    const std::string old = recorded_v1().at("to_master hello").frame;
    hello.oldest_protocol = kOldestProtocol;
    const std::string now = encode(ToMaster(hello));
    CHECK(now.substr(3, old.size() - 3) == old.substr(3));
    CHECK(now.size() == old.size() + 1);
  }

  TEST_CASE("fields of a later version are ignored, in every message") {
    for (const auto& [name, recorded] : recorded_v1()) {
      const std::string later = with_more_fields(recorded.frame);
      CAPTURE(name);
      if (recorded.direction == "to_master") {
        const auto message = decode_to_master(later);
        REQUIRE_MESSAGE(message.ok(), message.error().message);
        // Where ours has a later field of its own, the newcomer's stands in its place.
        if (!std::holds_alternative<Hello>(*message) &&
            !std::holds_alternative<HostReport>(*message)) {
          CHECK(*message == *decode_to_master(recorded.frame));
        }
      } else {
        const auto message = decode_to_agent(later);
        REQUIRE_MESSAGE(message.ok(), message.error().message);
        CHECK(*message == *decode_to_agent(recorded.frame));
      }
    }
    Hello hello = read_v1<Hello>("to_master hello");
    hello.oldest_protocol = 1;
    const auto later = decode_to_master(with_more_fields(encode(ToMaster(hello))));
    REQUIRE(later.ok());
    CHECK(std::get<Hello>(*later) == hello);
  }

  TEST_CASE("a mandatory field that is missing is no message") {
    std::string frame = recorded_v1().at("to_master bye").frame;
    CHECK(decode_to_master(frame).ok());
    frame = recorded_v1().at("to_agent taken").frame;
    frame[0] = static_cast<char>(frame[0] - 1);
    frame.pop_back();
    CHECK_FALSE(decode_to_agent(frame).ok());
  }

  TEST_CASE("the newest common version is spoken, one apart at the most") {
    CHECK(common_protocol(kProtocolVersion, kOldestProtocol) == kProtocolVersion);
    CHECK(common_protocol(kProtocolVersion - 1, 0) == kProtocolVersion - 1);
    CHECK(common_protocol(kProtocolVersion + 1, kProtocolVersion) == kProtocolVersion);
    CHECK(common_protocol(kProtocolVersion + 1, 0) == 0);
    CHECK(common_protocol(kProtocolVersion + 2, kProtocolVersion + 1) == 0);
    CHECK(common_protocol(0, 0) == 0);
    CHECK(common_protocol(0, 7) == 0);
  }

  TEST_CASE("a master speaks with agents one version older and newer, and runs their jobs") {
    Hello older = read_v1<Hello>("to_master hello");
    older.held.clear();
    Hello newer = hello_of("lab-2", {});
    newer.protocol = kProtocolVersion + 1;
    newer.oldest_protocol = kProtocolVersion;
    Cluster cluster;
    std::uint32_t spoken[2] = {};
    for (const Hello& hello : {older, newer}) {
      const LinkId link = hello.name == "lab-1" ? 1 : 2;
      cluster.feed(FromAgent{link, hello});
      REQUIRE(cluster.sent<Welcome>(link).size() == 1);
      spoken[link - 1] = cluster.sent<Welcome>(link)[0].protocol;
      cluster.links[hello.name] = link;
    }
    CHECK(spoken[0] == 1);
    CHECK(spoken[1] == kProtocolVersion);
    const JobId job = cluster.submit({.language = "c"});
    REQUIRE(cluster.running(job));
    cluster.finish(job);
    CHECK(cluster.job(job).state == JobState::done);
  }

  TEST_CASE("results that an agent of version 1 left on disk are told by this one") {
    const TemporaryFolder folder;
    auto spool = agent::ResultSpool::open(folder.path());
    REQUIRE(spool.ok());
    const auto old = read_v1<Finished>("to_master finished");
    const std::string path = folder.path() + "/results/" + old.id.job.text() + ".3.result";
    std::ofstream(path, std::ios::binary) << recorded_v1().at("to_master finished").frame;
    const auto results = spool->load();
    REQUIRE(results.size() == 1);
    CHECK(results[0] == old);
    spool->forget(old.id);
    CHECK_FALSE(std::filesystem::exists(path));
  }

  TEST_CASE("a result that only a later version can read is kept for it") {
    const TemporaryFolder folder;
    auto spool = agent::ResultSpool::open(folder.path());
    REQUIRE(spool.ok());
    const auto result = read_v1<Finished>("to_master finished");
    const std::string path = folder.path() + "/results/" + result.id.job.text() + ".3.result";
    std::string unknown = encode(ToMaster(result));
    // The ending, behind array, type, and the ids.
    REQUIRE(unknown[21] == '\x01');
    unknown[21] = '\x63';
    std::ofstream(path, std::ios::binary) << unknown;
    CHECK(spool->load().empty());
    CHECK_FALSE(std::filesystem::exists(path));
    REQUIRE(std::filesystem::exists(path + ".unread"));
    CHECK(spool->load().empty());  // and stays there
    // The later version comes back: here, one that can read it.
    std::ofstream(path + ".unread", std::ios::binary | std::ios::trunc) << encode(ToMaster(result));
    CHECK(spool->load().size() == 1);
    spool->forget(result.id);
    CHECK(std::filesystem::is_empty(folder.path() + "/results"));
  }
}
