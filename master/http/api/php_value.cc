#include "master/http/api/php_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

namespace docket::php {
namespace {

using nlohmann::json;

// json_decode() counts the scalar inside as a level.
constexpr std::size_t kMaxNesting = 511;
constexpr std::size_t kLinearMembers = 8;  // up to here looking through them is quickest
constexpr int kPrecision = 14;             // php.ini's default

constexpr const char* kSyntax = "Syntax error";
constexpr const char* kDepth = "Maximum stack depth exceeded";
constexpr const char* kTooMany = "More than 200,000 values";  // ours: PHP has no such bound
constexpr const char* kControl = "Control character error, possibly incorrectly encoded";
constexpr const char* kMalformed = "Malformed UTF-8 characters, possibly incorrectly encoded";
constexpr const char* kSurrogate = "Single unpaired UTF-16 surrogate in unicode escape";
constexpr const char* kName = "The decoded property name is invalid";

// nlohmann's error for a number beyond a double.
constexpr int kNumberOverflow = 406;

// Builds the value while nlohmann reads; the text is never held twice.
class Builder : public nlohmann::json_sax<json> {
 public:
  bool null() override { return put({}); }
  bool boolean(bool value) override { return put({value}); }
  bool number_integer(std::int64_t value) override { return put({value}); }
  bool number_unsigned(std::uint64_t value) override {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return put({static_cast<double>(value)});
    }
    return put({static_cast<std::int64_t>(value)});
  }
  bool number_float(double value, const std::string&) override {
    // Stands for what is beyond a double, see without_overflows().
    const bool infinite = std::abs(value) == std::numeric_limits<double>::max();
    return put({infinite ? std::copysign(std::numeric_limits<double>::infinity(), value) : value});
  }
  bool string(std::string& value) override { return put({std::move(value)}); }
  bool binary(json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open({Object()}); }
  bool start_array(std::size_t) override { return open({List()}); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (!name.empty() && name.front() == '\0') return refuse(kName);
    Object& object = *open_.back()->object();
    overwrote_ = overwrote_ || object.find(name) != nullptr;
    member_ = &object.at(std::move(name));
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token,
                   const json::exception& error) override {
    position_ = position;
    overflow_ = error.id == kNumberOverflow;
    return refuse(reason_of(token, error.what()));
  }

  Value take() { return std::move(root_); }
  const std::string& reason() const { return reason_; }
  bool overflow() const { return overflow_; }
  bool overwrote() const { return overwrote_; }
  std::size_t position() const { return position_; }

 private:
  Value& place(Value&& value) {
    ++values_;
    if (open_.empty()) return root_ = std::move(value);
    if (auto* list = std::get_if<List>(&open_.back()->is)) {
      return list->emplace_back(std::move(value));
    }
    return *member_ = std::move(value);
  }
  bool put(Value&& value) {
    if (values_ == kMaxJsonValues) return refuse(kTooMany);
    place(std::move(value));
    return true;
  }
  bool open(Value&& value) {
    if (open_.size() == kMaxNesting) return refuse(kDepth);
    if (values_ == kMaxJsonValues) return refuse(kTooMany);
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(const char* reason) {
    reason_ = reason;
    return false;
  }

  static const char* reason_of(const std::string& token, std::string_view what) {
    const auto says = [&](std::string_view part) {
      return what.find(part) != std::string_view::npos;
    };
    if (says("ill-formed UTF-8")) return kMalformed;
    if (says("control character")) return kControl;
    if (says("surrogate")) return kSurrogate;
    if (says("missing closing quote")) return kControl;  // the end counts as a NUL
    const auto last = token.empty() ? ' ' : token.back();
    if (static_cast<unsigned char>(last) >= 0x80) return kMalformed;
    // nlohmann shows a control character as <U+0001>.
    if (token.ends_with('>') && token.find("<U+") != std::string::npos) return kControl;
    return kSyntax;
  }

  Value root_;
  std::vector<Value*> open_;  // a parent does not grow while one of its children is open
  Value* member_ = nullptr;
  std::string reason_;
  bool overflow_ = false;
  bool overwrote_ = false;
  std::size_t values_ = 0;
  std::size_t position_ = 0;
};

// The text with every number beyond a double replaced by the largest one, which Builder takes for
// infinite.
std::string without_overflows(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (in_string || (c != '-' && (c < '0' || c > '9'))) {
      if (in_string && c == '\\' && at + 1 < text.size()) out += text[at++];
      if (c == '"') in_string = !in_string;
      out += text[at++];
      continue;
    }
    const auto end = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
    const std::string number(text.substr(at, end - at));
    const double value = std::strtod(number.c_str(), nullptr);
    out += std::isinf(value) ? (value < 0 ? "-1.7976931348623157e308" : "1.7976931348623157e308")
                             : number;
    at = end;
  }
  return out;
}

Error not_json(std::string reason) {
  return {ErrorCode::invalid, std::move(reason)};
}

// What PHP calls white space before and behind a number.
constexpr std::string_view kSpace = " \t\n\r\v\f";

struct Leading {
  double value = 0;
  std::string_view digits;  // of an integer, with its sign; empty when it has a point or exponent
  bool found = false;
  bool whole = false;  // nothing but white space follows
};

// The number that a text begins with.
Leading leading_number(std::string_view text) {
  Leading number;
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return number;
  text.remove_prefix(first);
  const auto digits_from = [&](std::size_t at) {
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at;
  };
  const std::size_t begin = text[0] == '+' || text[0] == '-' ? 1 : 0;
  const std::size_t before = digits_from(begin);
  std::size_t end = before;
  if (end < text.size() && text[end] == '.') {
    const std::size_t behind = digits_from(end + 1);
    if (behind > end + 1 || before > begin) end = behind;
  }
  if (end == begin) return number;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (const auto behind = digits_from(exponent); behind > exponent) end = behind;
  }
  number.found = true;
  number.value = std::strtod(std::string(text.substr(0, end)).c_str(), nullptr);
  if (end == before) number.digits = text.substr(0, end);
  number.whole = text.find_first_not_of(kSpace, end) == std::string_view::npos;
  return number;
}

// Modulo 2^64, as PHP takes a double for an integer.
std::int64_t wrapped(double value) {
  if (!std::isfinite(value)) return 0;
  constexpr double kTwo63 = 9223372036854775808.0;
  value = std::trunc(value);
  if (value >= -kTwo63 && value < kTwo63) return static_cast<std::int64_t>(value);
  double rest = std::fmod(value, 2 * kTwo63);
  if (rest < 0) rest += 2 * kTwo63;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(rest));
}

// Kept within an integer's bounds, as PHP takes a text.
std::int64_t clamped(double value) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (!std::isfinite(value)) return 0;
  if (value >= 9223372036854775808.0) return Limits::max();
  return value < -9223372036854775808.0 ? Limits::min() : static_cast<std::int64_t>(value);
}

std::int64_t intval(const std::string& text) {
  const Leading number = leading_number(text);
  std::string_view digits = number.digits;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (!digits.empty() && error == std::errc()) return value;
  return clamped(number.value);
}

std::string text_of(double value) {
  if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*G", kPrecision, value);
  std::string text = buffer;
  const auto exponent = text.find('E');
  if (exponent == std::string::npos) return text;
  std::string mantissa = text.substr(0, exponent);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  const auto digits = text.find_first_not_of('0', exponent + 2);  // C writes 1E-07
  return mantissa + text.substr(exponent, 2) + text.substr(digits);
}

// The text is for a person who has made a mistake; its size grows as nesting times elements.
constexpr std::size_t kMostPrintedBytes = 4'096;

// Between two letters of UTF-8.
std::string cut_at(std::size_t bytes, std::string&& text) {
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  text.resize(bytes);
  return std::move(text);
}

void print(const Value& value, std::size_t indent, std::string& out) {
  if (out.size() > kMostPrintedBytes) return;
  const std::string margin(indent, ' ');
  const auto member = [&](const std::string& name, const Value& of) {
    out.append(margin).append("    [").append(name).append("] => ");
    print(of, indent + 8, out);
    out += '\n';
  };
  if (const List* list = value.list()) {
    out.append("Array\n").append(margin).append("(\n");
    for (std::size_t i = 0; i < list->size() && out.size() <= kMostPrintedBytes; ++i) {
      member(std::to_string(i), (*list)[i]);
    }
  } else if (const Object* object = value.object()) {
    out.append("stdClass Object\n").append(margin).append("(\n");
    for (const auto& [name, of] : object->members()) {
      if (out.size() <= kMostPrintedBytes) member(name, of);
    }
  } else {
    out += php::text_of(value);
    return;
  }
  out.append(margin).append(")\n");
}

void encode_text(const std::string& text, std::string& out) {
  out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

void encode(const Value& value, std::string& out) {
  const char* separator = "";
  if (const List* list = value.list()) {
    out += '[';
    for (const Value& element : *list) {
      out += std::exchange(separator, ",");
      encode(element, out);
    }
    out += ']';
  } else if (const Object* object = value.object()) {
    out += '{';
    for (const auto& [name, of] : object->members()) {
      out += std::exchange(separator, ",");
      encode_text(name, out);
      out += ':';
      encode(of, out);
    }
    out += '}';
  } else if (const std::string* text = value.text()) {
    encode_text(*text, out);
  } else if (const double* number = std::get_if<double>(&value.is)) {
    if (std::isinf(*number)) {
      out += *number < 0 ? "-1e999" : "1e999";
    } else {
      out += json(*number).dump();
    }
  } else if (const bool* flag = std::get_if<bool>(&value.is)) {
    out += *flag ? "true" : "false";
  } else {
    out += value.is_null() ? "null" : text_of(value);
  }
}

}  // namespace

const Value* Object::find(std::string_view name) const {
  if (!index_.empty()) {
    const auto found = index_.find(std::string(name));
    return found == index_.end() ? nullptr : &members_[found->second].second;
  }
  for (const auto& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

Value& Object::at(std::string&& name) {
  if (const Value* there = find(name)) return const_cast<Value&>(*there);
  members_.emplace_back(std::move(name), Value());
  if (members_.size() > kLinearMembers) {
    for (std::size_t i = index_.size(); i < members_.size(); ++i) index_[members_[i].first] = i;
  }
  return members_.back().second;
}

Object::Object() = default;
Object::Object(const Object& other) = default;
Object::Object(Object&& other) noexcept = default;
Object& Object::operator=(const Object& other) = default;
Object& Object::operator=(Object&& other) noexcept = default;
Object::~Object() = default;

bool Object::erase(std::string_view name) {
  const auto gone =
      std::erase_if(members_, [&](const auto& member) { return member.first == name; });
  if (gone == 0 || index_.empty()) return gone > 0;
  index_.clear();
  for (std::size_t i = 0; i < members_.size(); ++i) index_[members_[i].first] = i;
  return true;
}

Result<Value> json_decode(std::string_view text, Reading* reading) {
  Reading unused;
  Reading& seen = reading != nullptr ? *reading : unused;
  const auto fail = [&](std::size_t at, const std::string& reason) -> Result<Value> {
    seen.position = at;
    return not_json(reason);
  };
  // The parser passes over a byte order mark and stops at a NUL; PHP refuses both.
  if (text.starts_with("\xEF\xBB\xBF")) return fail(1, kSyntax);
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return fail(nul + 1, kControl);
  }
  Builder builder;
  if (json::sax_parse(text.begin(), text.end(), &builder)) {
    seen.overwrote = builder.overwrote();
    return builder.take();
  }
  if (builder.overflow()) {
    Builder again;
    const std::string tame = without_overflows(text);
    if (json::sax_parse(tame, &again)) {
      seen.overwrote = again.overwrote();
      return again.take();
    }
    return fail(builder.position(), again.reason());
  }
  return fail(builder.position(), builder.reason());
}

std::string json_encode(const Value& value) {
  std::string out;
  encode(value, out);
  return out;
}

std::string with_separators_escaped(std::string&& json) {
  std::size_t at = json.find("\xE2\x80");
  if (at == std::string::npos) return std::move(json);
  std::string out;
  std::size_t from = 0;
  for (; at != std::string::npos; at = json.find("\xE2\x80", at + 1)) {
    const char last = at + 2 < json.size() ? json[at + 2] : '\0';
    if (last != '\xA8' && last != '\xA9') continue;
    out.append(json, from, at - from);
    out += last == '\xA8' ? "\\u2028" : "\\u2029";
    from = at + 3;
  }
  return out.append(json, from);
}

std::string text_of(const Value& value) {
  if (const std::string* text = value.text()) return *text;
  if (const bool* flag = std::get_if<bool>(&value.is)) return *flag ? "1" : "";
  if (const auto* number = std::get_if<std::int64_t>(&value.is)) return std::to_string(*number);
  if (const double* number = std::get_if<double>(&value.is)) return text_of(*number);
  return {};
}

std::int64_t intval(const Value& value) {
  if (const std::string* text = value.text()) return intval(*text);
  if (const bool* flag = std::get_if<bool>(&value.is)) return *flag ? 1 : 0;
  if (const auto* number = std::get_if<std::int64_t>(&value.is)) return *number;
  if (const double* number = std::get_if<double>(&value.is)) return wrapped(*number);
  if (const List* list = value.list()) return list->empty() ? 0 : 1;
  return 0;
}

std::optional<double> numeric(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value.is)) {
    return static_cast<double>(*number);
  }
  if (const double* number = std::get_if<double>(&value.is)) return *number;
  if (const std::string* text = value.text()) {
    const Leading number = leading_number(*text);
    if (number.found && number.whole) return number.value;
  }
  return std::nullopt;
}

bool truthy(const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value.is)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value.is)) return *number != 0;
  if (const double* number = std::get_if<double>(&value.is)) return *number != 0;
  if (const std::string* text = value.text()) return !text->empty() && *text != "0";
  if (const List* list = value.list()) return !list->empty();
  return value.object() != nullptr;
}

std::string print_r(const Value& value) {
  std::string out;
  print(value, 0, out);
  if (out.size() > kMostPrintedBytes) out = cut_at(kMostPrintedBytes, std::move(out));
  return out;
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kNames[] = {"null",   "bool",  "int",     "float",
                                                "string", "array", "stdClass"};
  return kNames[value.is.index()];
}

}  // namespace docket::php
