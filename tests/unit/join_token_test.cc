// A token's text: what it says comes back, and one that was cut or changed is told so.
#include "protocol/join_token.h"

#include <doctest/doctest.h>

#include "protocol/base/link_key.h"

using namespace docket;

namespace {

JoinToken some_token() {
  JoinToken token;
  token.master = {"queue.example.org", 4002};
  token.master_key = make_key_pair().public_key;
  token.secret_key = make_key_pair().secret_key;
  token.expires = 1'767'323'045'678;
  return token;
}

}  // namespace

TEST_SUITE("join token") {
  TEST_CASE("it is one word of letters, digits, '-', '_' and '.', and says what it was given") {
    for (const Address& master :
         {Address{"queue.example.org", 4002}, Address{"10.0.0.7", 1}, Address{"fe80::1", 65535}}) {
      JoinToken token = some_token();
      token.master = master;
      const std::string text = token_text(token);
      CHECK(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-_.") == std::string::npos);
      CHECK(text.size() < 200);
      const auto back = parse_token(text);
      REQUIRE_MESSAGE(back.ok(), back.error().message);
      CHECK(back->master.text() == master.text());
      CHECK(back->master_key == token.master_key);
      CHECK(back->secret_key == token.secret_key);
      CHECK(back->expires == token.expires);
    }
  }

  TEST_CASE("what pasting does to it is no harm") {
    const std::string text = token_text(some_token());
    for (const std::string& pasted :
         {" " + text + "\n", text.substr(0, 80) + "\n" + text.substr(80),
          text.substr(0, 5) + "\r\n  " + text.substr(5) + "\r\n"}) {
      CHECK(parse_token(pasted).ok());
    }
  }

  TEST_CASE("each character counts") {
    const std::string text = token_text(some_token());
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char other : {'A', 'b', '9', '-'}) {
        if (text[i] == other) continue;
        std::string changed = text;
        changed[i] = other;
        const auto parsed = parse_token(changed);
        // The last digit may have bits that stand for nothing.
        if (i + 1 == text.size() && parsed.ok()) continue;
        CHECK_FALSE_MESSAGE(parsed.ok(), i << " " << other);
      }
    }
  }

  TEST_CASE("one that is cut, or none, is refused with the reason") {
    const std::string text = token_text(some_token());
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto parsed = parse_token(text.substr(0, size));
      REQUIRE_FALSE_MESSAGE(parsed.ok(), size);
      CHECK(parsed.error().code == ErrorCode::invalid);
      if (size > 20) CHECK(parsed.error().message.find("cut or changed") != std::string::npos);
    }
    CHECK(parse_token("hunter2").error().message.find("docket-join-1.") != std::string::npos);
    CHECK_FALSE(parse_token(std::string(5'000, 'x')).ok());
    CHECK_FALSE(parse_token(text + text).ok());
  }
}
