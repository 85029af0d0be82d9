// JSON and conversions as PHP 8.2 has them. Every expectation was seen on PHP 8.2.
#include "master/http/api/php_value.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace docket;
using namespace docket::php;

namespace {

Value read(const std::string& text) {
  auto value = json_decode(text);
  REQUIRE_MESSAGE(value.ok(), text, " -> ", value.error().message);
  return std::move(*value);
}

std::string refusal(const std::string& text) {
  const auto value = json_decode(text);
  return value.ok() ? "read" : value.error().message;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_SUITE("php value") {
  TEST_CASE("what json_decode() refuses, and why") {
    const std::pair<std::string, const char*> texts[] = {
        {"hello", "Syntax error"},
        {"[1,]", "Syntax error"},
        {"{\"a\":1,}", "Syntax error"},
        {"{\"a\"", "Syntax error"},
        {"[1 2]", "Syntax error"},
        {"'a'", "Syntax error"},
        {"01", "Syntax error"},
        {"1.", "Syntax error"},
        {".5", "Syntax error"},
        {"+1", "Syntax error"},
        {"TRUE", "Syntax error"},
        {"nul", "Syntax error"},
        {"\"\\x\"", "Syntax error"},
        {"{} {}", "Syntax error"},
        {"\xef\xbb\xbf{}", "Syntax error"},
        {" ", "Syntax error"},
        {std::string("{}\0", 3), "Control character error, possibly incorrectly encoded"},
        {"\"a\nb\"", "Control character error, possibly incorrectly encoded"},
        {"\"abc", "Control character error, possibly incorrectly encoded"},
        {"\x1f\x8b\x08", "Control character error, possibly incorrectly encoded"},
        {"\"\xe9\"", "Malformed UTF-8 characters, possibly incorrectly encoded"},
        {"\xff", "Malformed UTF-8 characters, possibly incorrectly encoded"},
        {"\"\xed\xa0\x80\"", "Malformed UTF-8 characters, possibly incorrectly encoded"},
        {"\"\\ud800\"", "Single unpaired UTF-16 surrogate in unicode escape"},
        {"\"\\udc00\"", "Single unpaired UTF-16 surrogate in unicode escape"},
        {"\"\\ud83d\\u0041\"", "Single unpaired UTF-16 surrogate in unicode escape"},
        {"{\"\\u0000a\":1}", "The decoded property name is invalid"},
        {"{\"a\":{\"\\u0000\":1},\"a\":1}", "The decoded property name is invalid"},
        {nested(512), "Maximum stack depth exceeded"},
        {nested(100'000), "Maximum stack depth exceeded"},
    };
    for (const auto& [text, reason] : texts) {
      CAPTURE(text.substr(0, 40));
      CHECK(refusal(text) == reason);
    }
    for (const std::string& text :
         {std::string(" 1 "), nested(511), std::string("{\"\":1}"), std::string("\"\\u0000\x7f\""),
          std::string("{\"a\\u0000\":1}"), std::string("\"\\u0000\"")}) {
      CHECK(refusal(text) == "read");
    }
    Reading reading;
    CHECK_FALSE(json_decode("[1,x]", &reading).ok());
    CHECK(reading.position == 4);
  }

  TEST_CASE("a name that comes twice in one object is noticed, however it is spelled") {
    const auto overwrote = [](const std::string& text) {
      Reading reading;
      REQUIRE(json_decode(text, &reading).ok());
      return reading.overwrote;
    };
    CHECK_FALSE(overwrote(R"({"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]})"));
    CHECK(overwrote(R"({"a":1,"\u0061":2})"));
    CHECK(overwrote(R"({"b":[{"a":1,"a":1}]})"));
    CHECK(overwrote(R"({"a":1e999,"a":1})"));
  }

  TEST_CASE("texts of scalars") {
    const std::pair<const char*, const char*> texts[] = {
        {"true", "1"},
        {"false", ""},
        {"null", ""},
        {"\"a\"", "a"},
        {"7", "7"},
        {"-0", "0"},
        {"-0.0", "-0"},
        {"1.0", "1"},
        {"1.5", "1.5"},
        {"100000.0", "100000"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.3"},
        {"3.14159265358979", "3.1415926535898"},
        {"0.0001", "0.0001"},
        {"1e-5", "1.0E-5"},
        {"-1e-7", "-1.0E-7"},
        {"12345678901234.0", "12345678901234"},
        {"123456789012345.0", "1.2345678901234E+14"},
        {"99999999999999.5", "1.0E+14"},
        {"1.5e25", "1.5E+25"},
        {"1E100", "1.0E+100"},
        {"1e-400", "0"},
        {"1e999", "INF"},
        {"-1e999", "-INF"},
        {"9223372036854775807", "9223372036854775807"},
        {"9223372036854775808", "9.2233720368548E+18"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"-9223372036854775809", "-9.2233720368548E+18"},
        {"18446744073709551616", "1.844674407371E+19"},
    };
    for (const auto& [json, text] : texts) {
      CAPTURE(json);
      CHECK(text_of(read(json)) == text);
    }
    CHECK(text_of(read("[1]")).empty());
  }

  TEST_CASE("intval() and is_numeric()") {
    constexpr std::int64_t kMost = 9223372036854775807;
    const std::tuple<const char*, std::int64_t, bool> values[] = {
        {"\"200\"", 200, true},
        {"\"121abc\"", 121, false},
        {"\" 12\"", 12, true},
        {"\"\\t\\n\\r\\u000b\\f13\"", 13, true},
        {"\"12 \"", 12, true},
        {"\"0x79\"", 0, false},
        {"\".5e3\"", 500, true},
        {"\"1e\"", 1, false},
        {"\"+121\"", 121, true},
        {"\"--1\"", 0, false},
        {"\"1e2abc\"", 100, false},
        {"\"120.9\"", 120, true},
        {"\"121.\"", 121, true},
        {"\"\\u00a0121\"", 0, false},
        {"\"1e3 \"", 1000, true},
        {"\" 1e3x\"", 1000, false},
        {"\"1_000\"", 1, false},
        {"\"\"", 0, false},
        {"\"abc\"", 0, false},
        {"\"-\"", 0, false},
        {"\".\"", 0, false},
        {"\"1e1000\"", 0, true},
        {"\"-1e30\"", -kMost - 1, true},
        {"\"99999999999999999999\"", kMost, true},
        {"\"9223372036854775808\"", kMost, true},
        {"121", 121, true},
        {"120.99", 120, true},
        {"-1.5", -1, true},
        {"1e300", 0, true},
        {"1e999", 0, true},
        {"1e19", -8446744073709551616LL + 0, true},
        {"2e19", 1553255926290448384, true},
        {"18446744073709551615", 0, true},
        {"true", 1, false},
        {"false", 0, false},
        {"null", 0, false},
        {"[]", 0, false},
        {"[500]", 1, false},
    };
    for (const auto& [json, integer, is_numeric] : values) {
      CAPTURE(json);
      CHECK(intval(read(json)) == integer);
      CHECK(numeric(read(json)).has_value() == is_numeric);
    }
    CHECK(*numeric(read("\" 2.5 \"")) == 2.5);
    CHECK(std::isinf(*numeric(read("\"1e1000\""))));
  }

  TEST_CASE("truth and types") {
    for (const char* json : {"false", "null", "0", "0.0", "-0.0", "\"\"", "\"0\"", "[]"}) {
      CHECK_FALSE(truthy(read(json)));
    }
    for (const char* json : {"true", "1", "0.1", "\"00\"", "\"false\"", "[0]", "{}"}) {
      CHECK(truthy(read(json)));
    }
    CHECK(type_name(read("null")) == "null");
    CHECK(type_name(read("true")) == "bool");
    CHECK(type_name(read("1")) == "int");
    CHECK(type_name(read("1e0")) == "float");
    CHECK(type_name(read("\"\"")) == "string");
    CHECK(type_name(read("[]")) == "array");
    CHECK(type_name(read("{}")) == "stdClass");
  }

  TEST_CASE("print_r()") {
    CHECK(
        print_r(read(R"([1,[2,null],true,false,null,1.0,{"x":[1],"y":{}},[]])")) ==
        "Array\n(\n    [0] => 1\n    [1] => Array\n        (\n            [0] => 2\n"
        "            [1] => \n        )\n\n    [2] => 1\n    [3] => \n    [4] => \n"
        "    [5] => 1\n    [6] => stdClass Object\n        (\n            [x] => Array\n"
        "                (\n                    [0] => 1\n                )\n\n"
        "            [y] => stdClass Object\n                (\n                )\n\n        )\n\n"
        "    [7] => Array\n        (\n        )\n\n)\n");
  }

  TEST_CASE("members keep their order, and of two the last counts") {
    CHECK(json_encode(read(R"({"b":1,"a":[1.0,true,null,"é/\u2028"],"b":{"10":1e999,"9":-2}})")) ==
          "{\"b\":{\"10\":1e999,\"9\":-2},\"a\":[1.0,true,null,\"é/\xe2\x80\xa8\"]}");
    std::string many = "{";
    for (int i = 0; i < 300; ++i)
      many += "\"k" + std::to_string(i % 100) + "\":" + std::to_string(i) + ",";
    Value value = read(many + "\"end\":0}");
    CHECK(value.object()->members().size() == 101);
    CHECK(text_of(*value.object()->find("k42")) == "242");
    CHECK(value.object()->erase("k41"));
    CHECK_FALSE(value.object()->erase("k41"));
    CHECK(text_of(*value.object()->find("k42")) == "242");
    CHECK(value.object()->members()[41].first == "k42");
    CHECK(value.object()->find("nothing") == nullptr);
  }

  TEST_CASE("line separators are escaped in texts that are sent") {
    CHECK(with_separators_escaped("\"a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\"") ==
          "\"a\\u2028\\u2029\xe2\x80\xaa\xe2\"");
    CHECK(with_separators_escaped("\"a\"") == "\"a\"");
  }
}
