// The link's keys: what they are, and the files that hold them.
#include "protocol/base/link_key.h"

#include <sys/stat.h>

#include <fstream>

#include "protocol/base/address.h"
#include "tests/unit/temporary_folder.h"

using namespace docket;
using namespace docket::test;

TEST_SUITE("link key") {
  TEST_CASE("the public key is X25519's (RFC 7748, section 6.1)") {
    CHECK(public_key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb") ==
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  }

  TEST_CASE("no two are alike, and the fingerprint is of the public key") {
    const KeyPair one = make_key_pair();
    const KeyPair other = make_key_pair();
    CHECK(is_link_key(one.public_key));
    CHECK(is_link_key(one.secret_key));
    CHECK(one.secret_key != other.secret_key);
    CHECK(public_key_of(one.secret_key) == one.public_key);
    CHECK(fingerprint_of(one.public_key).size() == 39);
    CHECK(fingerprint_of(one.public_key) != fingerprint_of(other.public_key));
    CHECK(key_text(key_bytes(one.public_key)) == one.public_key);
  }

  TEST_CASE("only 64 digits of lower case are a key") {
    const std::string good(64, 'a');
    CHECK(is_link_key(good));
    CHECK_FALSE(is_link_key(""));
    CHECK_FALSE(is_link_key(good + "a"));
    CHECK_FALSE(is_link_key(good.substr(1)));
    CHECK_FALSE(is_link_key(std::string(64, 'A')));
    CHECK_FALSE(is_link_key(std::string(64, 'g')));
  }

  TEST_CASE("a key file is made once, for its owner alone") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/link.key";
    CHECK(load_key_pair(path).error().code == ErrorCode::not_found);
    const auto made = load_or_make_key_pair(path);
    REQUIRE_MESSAGE(made.ok(), made.error().message);
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    const auto again = load_or_make_key_pair(path);
    REQUIRE(again.ok());
    CHECK(again->secret_key == made->secret_key);
    CHECK(again->public_key == made->public_key);
  }

  TEST_CASE("a key that others may read, and a file that holds none, are refused") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/link.key";
    REQUIRE(load_or_make_key_pair(path).ok());
    for (const mode_t mode : {0640, 0604, 0660, 0620}) {
      REQUIRE(::chmod(path.c_str(), mode) == 0);
      const auto loaded = load_or_make_key_pair(path);
      REQUIRE_FALSE(loaded.ok());
      CHECK(loaded.error().code == ErrorCode::denied);
      CHECK(loaded.error().message.find(path) != std::string::npos);
    }
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    CHECK(load_or_make_key_pair(path).ok());
    for (const std::string content : {"", "no key", "00\n", "\n"}) {
      std::ofstream(path, std::ios::trunc) << content;
      const auto loaded = load_or_make_key_pair(path);
      REQUIRE_FALSE(loaded.ok());
      CHECK(loaded.error().code == ErrorCode::corrupt);
    }
  }

  TEST_CASE("loopback is what only this host reaches") {
    for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
      CHECK_MESSAGE((Address{host, 1}.is_loopback()), host);
    }
    for (const char* host :
         {"0.0.0.0", "::", "*", "10.0.0.1", "127.example.org", "lab", "128.0.0.1"}) {
      CHECK_FALSE_MESSAGE((Address{host, 1}.is_loopback()), host);
    }
  }
}
