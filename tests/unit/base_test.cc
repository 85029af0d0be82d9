// protocol/base: addresses, base 64, mailbox.
#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "protocol/base/address.h"
#include "protocol/base/base64.h"
#include "protocol/base/json_depth.h"
#include "protocol/base/mailbox.h"

using namespace docket;

TEST_SUITE("base") {
  TEST_CASE("addresses") {
    CHECK(parse_address("x", "127.0.0.1:4000")->text() == "127.0.0.1:4000");
    CHECK(parse_address("x", "[::1]:0")->host == "::1");
    CHECK(parse_address("x", "[::1]:0")->text() == "[::1]:0");
    CHECK(parse_url_address("x", "tcp", "tcp://lab:1")->host == "lab");
    CHECK(parse_url_address("x", "http", "http://lab:80/")->port == 80);
    for (const char* bad : {"", "lab", ":80", "lab:", "lab:x", "lab:65536", "lab:-1", "::1:80"}) {
      const auto parsed = parse_address("jobe-listen", bad);
      REQUIRE_FALSE(parsed.ok());
      CHECK(parsed.error().message.starts_with("jobe-listen: '"));
    }
    CHECK_FALSE(parse_url_address("x", "tcp", "http://lab:80").ok());
  }

  TEST_CASE("base 64 as Jobe decodes it") {
    CHECK(base64_decode("aGVs\nbG8=") == "hello");
    CHECK(base64_decode("aGVsbG8") == "hello");
    CHECK(base64_decode("") == "");
    CHECK(base64_decode(" \r\n\t") == "");
    for (const char* bad : {"!!!not base64", "a", "_-_-", "aG=Vs", "aGVsbG8==", "===="}) {
      CHECK_MESSAGE(!base64_decode(bad).has_value(), bad);
    }
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 100; ++size) {
      std::string bytes(size, '\0');
      for (char& c : bytes) c = static_cast<char>(random());
      CHECK(base64_decode(base64_encode(bytes)) == bytes);
    }
    CHECK(base64_encode("f") == "Zg==");
    CHECK(base64_encode("fo") == "Zm8=");
    CHECK(base64_encode("foo") == "Zm9v");
  }

  TEST_CASE("how deep JSON nests") {
    CHECK(json_depth("") == 0);
    CHECK(json_depth("1") == 0);
    CHECK(json_depth(R"({"a":[1,{"b":"[[[\"[[["}],"c":[]})") == 3);
    CHECK(json_depth(std::string(1'000'000, '[')) == 1'000'000);
    CHECK(json_depth("]]][") == 1);
    CHECK(json_depth("\"\\") == 0);
  }

  TEST_CASE("a mailbox hands over everything once, in each poster's order") {
    Mailbox<std::pair<int, int>> box;
    constexpr int kPosters = 4;
    constexpr int kEach = 5'000;
    std::vector<std::thread> posters;
    for (int poster = 0; poster < kPosters; ++poster) {
      posters.emplace_back([&, poster] {
        for (int i = 0; i < kEach; ++i) box.post({poster, i});
      });
    }
    std::vector<int> next(kPosters, 0);
    int got = 0;
    while (got < kPosters * kEach) {
      box.wait(-1);
      for (const auto& [poster, i] : box.take()) {
        CHECK(next[static_cast<std::size_t>(poster)]++ == i);
        ++got;
      }
    }
    for (auto& poster : posters) poster.join();
    CHECK(box.take().empty());
  }
}
