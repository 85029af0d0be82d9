#include "protocol/base/log_json.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace docket {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostDigits = 15;  // beyond them a reader's double would lose some

bool is_key(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

ordered_json bare_value(std::string_view text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const bool whole = read.ec == std::errc() && read.ptr == end && text.size() <= kMostDigits;
  return whole ? ordered_json(number) : ordered_json(text);
}

// "key=" begins the text.
bool begins_pair(std::string_view text) {
  const auto equals = text.find('=');
  return equals != text.npos && is_key(text.substr(0, equals));
}

// Where the quoted value that begins at `from` ends: texts may hold quotes of their own.
std::size_t end_of_quoted(std::string_view text, std::size_t from) {
  std::size_t last = text.size();
  for (auto at = text.find('"', from); at != text.npos; at = text.find('"', at + 1)) {
    last = at;
    const std::string_view behind = text.substr(at + 1);
    if (behind.starts_with(' ') && begins_pair(behind.substr(1))) break;
  }
  return last;
}

}  // namespace

std::string json_line(const LogLine& line) {
  ordered_json object = {{"time", line.time}, {"level", line.level}, {"program", line.program}};
  std::string message;
  std::string_view rest = line.text;
  const auto skip = [&](std::size_t bytes) { rest.remove_prefix(std::min(bytes, rest.size())); };
  while (!rest.empty()) {
    const auto word_end = std::min(rest.find(' '), rest.size());
    const auto equals = rest.substr(0, word_end).find('=');
    const std::string key(rest.substr(0, equals));
    if (equals == rest.npos || !is_key(key)) {
      if (word_end > 0) message.append(message.empty() ? "" : " ").append(rest.substr(0, word_end));
      skip(word_end + 1);
      continue;
    }
    skip(equals + 1);
    ordered_json value;
    if (rest.starts_with('"')) {
      const auto end = end_of_quoted(rest, 1);
      value = rest.substr(1, end - 1);
      skip(end + 2);
    } else {
      const auto end = std::min(rest.find(' '), rest.size());
      value = bare_value(rest.substr(0, end));
      skip(end + 1);
    }
    if (!object.contains(key)) object[key] = std::move(value);
  }
  if (!message.empty() && !object.contains("message")) object["message"] = message;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace docket
