// The bodies of PUT files/ID and POST files, held against Jobe's rules.
#include "master/http/api/file_request.h"

#include <doctest/doctest.h>

using namespace docket;
using namespace docket::http;

namespace {

std::string with(const std::string& contents) {
  return "{\"file_contents\":" + contents + "}";
}

std::string kept(const std::string& body) {
  const auto bytes = parse_file_request(body, "put", "cafe0002");
  REQUIRE_MESSAGE(bytes.ok(), body, " -> ", bytes.error().message);
  return *bytes;
}

std::string refused(const std::string& body) {
  const auto bytes = parse_file_request(body, "put", "cafe0002");
  REQUIRE_MESSAGE(!bytes.ok(), body);
  CHECK(bytes.error().code == ErrorCode::invalid);
  return bytes.error().message;
}

}  // namespace

TEST_SUITE("file request") {
  TEST_CASE("base 64: white space and missing padding are fine") {
    for (const char* text : {"\"aGVsbG8=\"", "\"aGVsbG8\"", "\"aGVs\\nbG8=\"",
                             "\" aG Vs\\tbG8 = \"", "\"aGVsbG8=\\r\\n\""}) {
      CHECK(kept(with(text)) == "hello");
    }
    CHECK(kept(with("\"\"")).empty());
    CHECK(kept("{\"file_contents\":\"!\",\"file_contents\":\"YQ\",\"x\":[]}") == "a");
    for (const char* text : {"\"!!!not base64\"", "\"_-8=\"", "\"Y\"", "\"YQ=\"", "\"YQ===\"",
                             "\"=YQ\"", "\"Y=Q=\"", "\"aGVs\\u000bbG8=\"", "\"a\\u00e9\""}) {
      CAPTURE(text);
      CHECK(refused(with(text)) == "put: contents of file cafe0002 are not valid base-64");
    }
  }

  TEST_CASE("numbers and booleans become text") {
    CHECK(kept(with("12345678")) == "\xd7\x6d\xf8\xe7\xae\xfc");
    CHECK(kept(with("1234.0")) == "\xd7\x6d\xf8");
    CHECK(kept(with("false")).empty());
    for (const char* number : {"true", "1", "1.5", "-1234", "1e25"}) {
      CAPTURE(number);
      CHECK(refused(with(number)) == "put: contents of file cafe0002 are not valid base-64");
    }
  }

  TEST_CASE("no contents") {
    for (const char* body : {"", "0", "0.0", "false", "null", "\"\"", "\"0\"", "[]", "[1]", "{}",
                             "7", "true", "\"file_contents\"", "{\"x\":1}",
                             "{\"file_contents\":null}", "[{\"file_contents\":\"\"}]"}) {
      CAPTURE(body);
      CHECK(refused(body) == "put: missing file_contents parameter");
    }
  }

  TEST_CASE("where Jobe breaks with 500") {
    CHECK(refused("hello") == "put: the body is not valid JSON: Syntax error");
    CHECK(refused(with("[\"a\"]")) == "put: file_contents must be text in base 64");
    CHECK(refused(with("{}")) == "put: file_contents must be text in base 64");
  }

  TEST_CASE("a file without an id of its own") {
    CHECK(parse_file_request(with("\"!\""), "post", "").error().message ==
          "post: contents are not valid base-64");
  }
}
