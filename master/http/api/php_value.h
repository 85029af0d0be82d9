// JSON read and values converted as PHP 8.2 does it, because that is what Jobe does with a request.
// Plain values and pure functions, any thread.
//
// Every rule here was tried on PHP 8.2: json_decode() into objects, (string), intval(),
// is_numeric(), (bool) and print_r().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "protocol/base/result.h"

namespace docket::php {

struct Value;
using List = std::vector<Value>;

// The members in the order in which their names came first; of two with one name the last counts.
class Object {
 public:
  // Not defined in the class, where a Value is not known yet.
  Object();
  Object(const Object& other);
  Object(Object&& other) noexcept;
  Object& operator=(const Object& other);
  Object& operator=(Object&& other) noexcept;
  ~Object();

  const std::vector<std::pair<std::string, Value>>& members() const { return members_; }
  std::vector<std::pair<std::string, Value>>& members() { return members_; }
  const Value* find(std::string_view name) const;  // null when there is none
  Value& at(std::string&& name);                   // made when there is none
  bool erase(std::string_view name);

 private:
  std::vector<std::pair<std::string, Value>> members_;
  std::unordered_map<std::string, std::size_t> index_;  // only once there are many
};

struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Object> is;

  bool is_null() const { return std::holds_alternative<std::monostate>(is); }
  const std::string* text() const { return std::get_if<std::string>(&is); }
  const List* list() const { return std::get_if<List>(&is); }
  List* list() { return std::get_if<List>(&is); }
  const Object* object() const { return std::get_if<Object>(&is); }
  Object* object() { return std::get_if<Object>(&is); }
  bool is_scalar() const { return list() == nullptr && object() == nullptr; }
};

// What reading a text showed besides its value.
struct Reading {
  std::size_t position = 0;  // the byte where it ended, when it failed; counted from 1
  bool overwrote = false;    // a member's name came twice: the text holds what the value does not
};

// A value takes some 90 bytes, however short its text: so many are 18 MB, and a request of Jobe's
// has a hundred at the most. Not PHP's bound but ours.
inline constexpr std::size_t kMaxJsonValues = 200'000;

// json_decode(). invalid with PHP's reason, such as "Syntax error". Lists and objects nest at most
// 511 deep: a scalar in them is the 512th level. A number too large for a double is infinite, as in
// PHP.
Result<Value> json_decode(std::string_view text, Reading* reading = nullptr);

// The value as JSON text again; members of one name appear once.
std::string json_encode(const Value& value);

// Text that nlohmann has written, with U+2028 and U+2029 escaped, as json_encode() writes them.
std::string with_separators_escaped(std::string&& json);

// (string): true is "1", false and null are empty, 1.0 is "1", 1e25 is "1.0E+25". Empty for a list
// or an object, which PHP does not convert.
std::string text_of(const Value& value);

// intval(): a text's leading number, a list's being non-empty. 0 for an object, which PHP does not
// convert.
std::int64_t intval(const Value& value);

// The number when is_numeric() says so: a number, or a text that is nothing else.
std::optional<double> numeric(const Value& value);

bool truthy(const Value& value);

// Cut off at 4 KiB, unlike PHP's.
std::string print_r(const Value& value);

// As PHP's messages name types: "array", "stdClass", "int", …
std::string_view type_name(const Value& value);

}  // namespace docket::php
