#include "tests/trial_jobe/json_text.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "protocol/base/json_depth.h"

namespace docket::trial_jobe {
namespace {

using nlohmann::json;

constexpr std::string_view kMalformed = "Malformed UTF-8 characters, possibly incorrectly encoded";
constexpr std::string_view kControl = "Control character error, possibly incorrectly encoded";

Error not_json(std::string_view reason) {
  return {ErrorCode::invalid, std::string(reason)};
}

// Length of the well-formed UTF-8 sequence at `at`, 0 if there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned lead = byte(at);
  const unsigned second = byte(at + 1);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(at + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
    return tail(at + 1) && tail(at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
    return tail(at + 1) && tail(at + 2) && tail(at + 3) ? 4 : 0;
  }
  return 0;
}

Error explain(const json::parse_error& error, std::string_view text) {
  const std::string_view what = error.what();
  const auto says = [&](std::string_view part) {
    return what.find(part) != std::string_view::npos;
  };
  if (says("ill-formed UTF-8")) return not_json(kMalformed);
  if (says("control character")) return not_json(kControl);
  if (says("surrogate")) return not_json("Single unpaired high surrogate in Unicode escape");
  const std::size_t at = error.byte == 0 ? 0 : error.byte - 1;
  if (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x20) return not_json(kControl);
    if (sequence_length(text, at) == 0) return not_json(kMalformed);
  }
  return not_json("Syntax error");
}

void print_value(const json& value, std::size_t indent, std::string& out) {
  if (!value.is_structured()) {
    out += php_text(value);
    return;
  }
  const std::string margin(indent, ' ');
  out += value.is_array() ? "Array\n" : "stdClass Object\n";
  out += margin + "(\n";
  for (const auto& [key, item] : value.items()) {
    out.append(margin).append("    [").append(key).append("] => ");
    print_value(item, indent + 8, out);
    out += '\n';
  }
  out += margin + ")\n";
}

}  // namespace

Result<json> parse_json(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) return not_json("Syntax error");
  if (json_depth(text) > kMaxJsonDepth) return not_json("Maximum stack depth exceeded");
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    return explain(error, text);
  } catch (const json::exception&) {  // a number out of range
    return not_json("Syntax error");
  }
}

std::string dump_json(const nlohmann::ordered_json& value) {
  const std::string plain =
      value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size());
  std::size_t from = 0;
  for (std::size_t at = 0; (at = plain.find("\xe2\x80", at)) != std::string::npos; ++at) {
    const char last = at + 2 < plain.size() ? plain[at + 2] : '\0';
    if (last != '\xa8' && last != '\xa9') continue;
    out.append(plain, from, at - from);
    out += last == '\xa8' ? "\\u2028" : "\\u2029";
    from = at + 3;
  }
  return out.append(plain, from);
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = sequence_length(bytes, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string readable_text(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte <= 0x7e) || c == '\n' || c == '\r' || c == '\t') {
      out += c;
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string print_r(const json& value) {
  std::string out;
  print_value(value, 0, out);
  return out;
}

std::string_view php_type(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::object:
      return "stdClass";
    case json::value_t::array:
      return "array";
    case json::value_t::boolean:
      return "bool";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return "int";
    case json::value_t::number_float:
      return "float";
    case json::value_t::string:
    case json::value_t::binary:
    case json::value_t::discarded:
      return "string";
  }
  return "string";
}

std::string php_text(const json& scalar) {
  if (scalar.is_string()) return scalar.get<std::string>();
  if (scalar.is_boolean()) return scalar.get<bool>() ? "1" : "";
  return scalar.is_number() ? scalar.dump() : "";
}

}  // namespace docket::trial_jobe
