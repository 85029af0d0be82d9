#include "tests/contract/recording.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "protocol/base/digest.h"

namespace docket::contract {
namespace {

using nlohmann::json;

// Bytes that are no UTF-8 are recorded as one character each.
std::string from_latin1(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      bytes += text[i];
    } else {
      bytes += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    }
  }
  return bytes;
}

// A long body is one letter over and over between its head and its tail; the digest proves it.
std::optional<std::string> whole(const json& clipped) {
  const auto head = clipped.at("head").get<std::string>();
  const auto tail = clipped.at("tail").get<std::string>();
  const auto length = clipped.at("length").get<std::size_t>();
  std::string text = head + std::string(length - head.size() - tail.size(), head.back()) + tail;
  if (sha256_hex(text) != clipped.at("sha256")) return std::nullopt;
  return text;
}

std::optional<std::string> body_of(const json& value) {
  if (value.is_null()) return std::string();
  if (value.is_string()) return value.get<std::string>();
  if (value.contains("latin1")) return from_latin1(value.at("latin1").get<std::string>());
  return whole(value);
}

std::string language_of(const std::string& body) {
  const auto request = json::parse(body, nullptr, false);
  const json::json_pointer at("/run_spec/language_id");
  if (request.is_discarded() || !request.is_object() || !request.contains(at)) return {};
  if (!request[at].is_string()) return {};
  std::string language = request[at].get<std::string>();
  std::transform(language.begin(), language.end(), language.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return language;
}

Request request_of(const json& recorded, const std::string& body) {
  Request request;
  request.head_only = recorded.at("method") == "HEAD";
  request.head = recorded.at("request_line").get<std::string>() + "\r\n";
  request.body = body;
  for (const auto& header : recorded.at("request_headers")) {
    const auto line = header.get<std::string>();
    request.head += line + "\r\n";
    request.waits_for_continue = request.waits_for_continue || line == "Expect: 100-continue";
    if (line == "Transfer-Encoding: chunked") {
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", body.size());
      request.body = size + body + "\r\n0\r\n\r\n";
    }
  }
  request.head += "\r\n";
  return request;
}

// Of these two only the first 400 bytes were kept; their names say how they went on.
std::string completed(const std::string& name, std::string bytes) {
  constexpr const char* kRest = "Connection: close\r\n\r\n";
  if (name == "raw_101_headers") {
    const std::string first = "GET /jobe/index.php/restapi/languages HTTP/1.1\r\nHost: a\r\n";
    std::string all = first;
    for (int i = 0; i < 100; ++i) all += "X" + std::to_string(i) + ": y\r\n";
    REQUIRE(all.starts_with(bytes));
    return all + kRest;
  }
  if (name == "raw_long_uri_9k") {
    return bytes + std::string(9'000 - bytes.size(), bytes.back()) + " HTTP/1.1\r\nHost: a\r\n" +
           kRest;
  }
  return bytes;
}

Exchange raw_exchange(const json& recorded) {
  Exchange exchange;
  const auto name = recorded.at("name").get<std::string>();
  exchange.request.head = completed(name, recorded.at("request_body").get<std::string>());
  if (name.ends_with("_in_pieces")) exchange.request.piece_bytes = 7;
  const auto answer = recorded.at("response_raw").get<std::string>();
  if (answer.empty()) return exchange;
  const auto end = answer.find("\r\n\r\n") + 4;
  exchange.answer = parse_head(answer.substr(0, end));
  exchange.answer.body = answer.substr(end);
  return exchange;
}

Exchange exchange_of(const json& recorded) {
  Exchange exchange;
  exchange.answered = !recorded.at("status").is_null();
  if (!exchange.answered) return exchange;
  const auto body = body_of(recorded.at("request_body"));
  REQUIRE_MESSAGE(body.has_value(), recorded.at("name")
                                        << ": the request is not what was recorded");
  exchange.request = request_of(recorded, *body);
  exchange.language = language_of(*body);
  exchange.answer.status = recorded.at("status").get<int>();
  for (const auto& line : recorded.at("interim")) exchange.answer.interim.push_back(line);
  for (const auto& header : recorded.at("response_headers")) {
    std::string name = header[0];
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    exchange.answer.headers.emplace_back(name, header[1]);
  }
  const auto answered = body_of(recorded.at("response_body"));
  exchange.body_known = answered.has_value();
  exchange.answer.body = answered.value_or("");
  return exchange;
}

}  // namespace

std::vector<Exchange> read_recording(const std::string& file) {
  std::ifstream lines(std::string(DOCKET_SOURCE_DIR) + "/tests/contract/recordings/" + file);
  std::vector<Exchange> exchanges;
  for (std::string line; std::getline(lines, line);) {
    const auto recorded = json::parse(line);
    const bool raw = recorded.at("method") == "RAW";
    Exchange exchange = raw ? raw_exchange(recorded) : exchange_of(recorded);
    exchange.name = recorded.at("name");
    exchange.method = recorded.at("method");
    exchange.path = recorded.at("path");
    exchanges.push_back(std::move(exchange));
  }
  REQUIRE_MESSAGE(!exchanges.empty(), file << " is not there or empty");
  return exchanges;
}

void replace_in_path(Exchange& exchange, const std::string& from, const std::string& to) {
  for (std::string* text : {&exchange.path, &exchange.request.head}) {
    const auto at = text->find(from);
    if (at != std::string::npos) text->replace(at, from.size(), to);
  }
}

}  // namespace docket::contract
