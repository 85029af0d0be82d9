#include "tests/trial_jobe/run_spec.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "master/http/api/php_value.h"
#include "protocol/base/base64.h"

namespace docket::trial_jobe {
namespace {

using php::Value;

constexpr std::size_t kMinFileIdBytes = 8;

// Thrown and caught in this file only: the answer that ends the validation.
struct Refused {
  Answer answer;
};

[[noreturn]] void refuse(Answer answer) {
  throw Refused{std::move(answer)};
}

// Null counts as absent.
const Value* field(const php::Object& object, std::string_view name) {
  const Value* value = object.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// A parameter that has a number for a default; anything else but a number leaves that default.
std::optional<Number> number(const Value* value) {
  const auto numeric = value == nullptr ? std::nullopt : php::numeric(*value);
  if (!numeric) return std::nullopt;
  const std::string text = php::text_of(*value);
  const bool whole = std::abs(*numeric) < 1e15 && !std::holds_alternative<double>(value->is) &&
                     text.find_first_of(".eE") == std::string::npos;
  return Number{*numeric, whole, text};
}

std::optional<std::vector<std::string>> words(const Value* value) {
  if (value == nullptr || value->list() == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const auto& item : *value->list()) {
    if (item.is_scalar()) list.push_back(php::text_of(item));
  }
  return list;
}

Parameters read_parameters(const php::Object& run_spec) {
  const Value* value = field(run_spec, "parameters");
  Parameters out;
  if (value == nullptr || value->object() == nullptr) return out;
  const php::Object& given = *value->object();
  const Value* cpu_s = field(given, "cputime");
  if (cpu_s != nullptr && cpu_s->object() != nullptr) {
    refuse(exception_answer("Object of class stdClass could not be converted to int"));
  }
  if (cpu_s != nullptr && php::intval(*cpu_s) > kMaxCpuSeconds) {
    refuse(error_answer(400, "cputime exceeds maximum allowed on this Jobe server (" +
                                 std::to_string(kMaxCpuSeconds) + " secs)"));
  }
  out.cpu_s = number(cpu_s);
  out.memory_mb = number(field(given, "memorylimit"));
  out.disk_mb = number(field(given, "disklimit"));
  out.processes = number(field(given, "numprocs"));
  out.stream_mb = number(field(given, "streamsize"));
  out.interpreter_args = words(field(given, "interpreterargs"));
  out.compile_args = words(field(given, "compileargs"));
  out.link_args = words(field(given, "linkargs"));
  out.run_args = words(field(given, "runargs"));
  return out;
}

// What Jobe assigns to a property of a scalar type.
const Value* assigned(const php::Object& run_spec, const char* name, const char* type) {
  const Value* value = field(run_spec, name);
  if (value != nullptr && !value->is_scalar()) {
    refuse(exception_answer("Cannot assign " + std::string(php::type_name(*value)) +
                            " to property Jobe\\RunSpecifier::$" + name + " of type " + type));
  }
  return value;
}

std::string read_text(const php::Object& run_spec, const char* name) {
  const Value* value = assigned(run_spec, name, "string");
  return value == nullptr ? std::string() : php::text_of(*value);
}

std::string read_required(const php::Object& run_spec, const char* name) {
  if (field(run_spec, name) == nullptr) {
    refuse(error_answer(400,
                        "run_spec is missing the required attribute '" + std::string(name) + "'"));
  }
  return read_text(run_spec, name);
}

bool legal_source_name(const std::string& name) {
  constexpr std::string_view kForbidden = "<>:\"/|?*#[]@!$&'()+,;={}^~`\x7f\xa0\xad";
  if (name.starts_with('.') || name.starts_with('-')) return false;
  return std::none_of(name.begin(), name.end(), [&](char c) {
    return static_cast<unsigned char>(c) < 0x20 || kForbidden.find(c) != std::string_view::npos;
  });
}

std::string read_source_name(const php::Object& run_spec) {
  const Value* value = field(run_spec, "sourcefilename");
  if (value == nullptr) return {};
  if (value->list() != nullptr) {
    refuse(exception_answer("ltrim(): Argument #1 ($string) must be of type string, array given"));
  }
  if (value->object() != nullptr) {
    refuse(exception_answer(
        "preg_replace(): Argument #3 ($subject) must be of type array|string, stdClass given"));
  }
  const std::string* name = value->text();
  if (name == nullptr || !legal_source_name(*name)) {
    refuse(error_answer(400, "The sourcefilename for the run_spec is illegal"));
  }
  return *name == "0" ? std::string() : *name;  // PHP takes it for empty
}

bool legal_file(const php::List& pair) {
  if (pair.size() != 2 && pair.size() != 3) return false;
  const std::string* id = pair[0].text();
  const std::string* name = pair[1].text();
  if (id == nullptr || name == nullptr) return false;
  const auto in_name = [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  return id->size() >= kMinFileIdBytes && std::all_of(id->begin(), id->end(), alphanumeric) &&
         std::any_of(name->begin(), name->end(), alphanumeric) &&
         std::all_of(name->begin(), name->end(), in_name);
}

SupportFile read_file(const Value& element) {
  const php::List* pair = element.list();
  if (pair == nullptr) {
    refuse(exception_answer("count(): Argument #1 ($value) must be of type Countable|array, " +
                            std::string(php::type_name(element)) + " given"));
  }
  if (!legal_file(*pair)) {
    refuse(error_answer(400, "Invalid file specifier: " + php::print_r(element)));
  }
  return {*(*pair)[0].text(), *(*pair)[1].text()};
}

std::vector<SupportFile> read_files(const php::Object& run_spec) {
  const Value* list = field(run_spec, "file_list");
  std::vector<SupportFile> files;
  if (list == nullptr) return files;
  if (list->list() != nullptr) {
    for (const auto& element : *list->list()) files.push_back(read_file(element));
  } else if (list->object() != nullptr) {
    for (const auto& [name, element] : list->object()->members()) {
      files.push_back(read_file(element));
    }
  } else {
    refuse(exception_answer("foreach() argument must be of type array|object, " +
                            std::string(php::type_name(*list)) + " given"));
  }
  return files;
}

const php::Object& find_run_spec(const Value& body) {
  if (body.object() == nullptr) refuse(error_answer(400, "Non-JSON post data received"));
  const Value* run_spec = body.object()->find("run_spec");
  if (run_spec == nullptr) {
    refuse(exception_answer("Undefined property: stdClass::$run_spec"));
  }
  if (run_spec->object() == nullptr) {
    refuse(error_answer(400, "No run_spec attribute found in post data"));
  }
  return *run_spec->object();
}

RunSpec read_run_spec(const php::Object& run_spec, const IsOffered& is_offered) {
  RunSpec spec;
  spec.source = read_required(run_spec, "sourcecode");
  spec.language = read_required(run_spec, "language_id");
  std::transform(spec.language.begin(), spec.language.end(), spec.language.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (!is_offered(spec.language)) {
    refuse(error_answer(400, "Language '" + spec.language + "' is not known"));
  }
  spec.input = read_text(run_spec, "input");
  if (spec.input == "0") spec.input.clear();  // PHP takes it for empty
  const Value* debug = assigned(run_spec, "debug", "bool");
  spec.debug = debug != nullptr && php::truthy(*debug);
  spec.parameters = read_parameters(run_spec);
  spec.source_name = read_source_name(run_spec);
  spec.files = read_files(run_spec);
  return spec;
}

}  // namespace

std::variant<RunSpec, Answer> parse_run(std::string_view body, const IsOffered& is_offered) {
  if (body.empty()) return error_answer(400, "Non-JSON post data received");
  const auto parsed = php::json_decode(body);
  if (!parsed) {
    return exception_answer("Failed to parse JSON string. Error: " + parsed.error().message);
  }
  try {
    return read_run_spec(find_run_spec(parsed.value()), is_offered);
  } catch (const Refused& refused) {
    return refused.answer;
  }
}

std::variant<std::string, Answer> parse_file(std::string_view id, std::string_view body) {
  const Answer missing = error_answer(400, "put: missing file_contents parameter");
  if (body.empty()) return missing;
  const auto parsed = php::json_decode(body);
  if (!parsed) return error_answer(500, "");
  const php::Object* whole = parsed->object();
  const Value* contents = whole != nullptr ? field(*whole, "file_contents") : nullptr;
  if (contents == nullptr) return missing;
  if (!contents->is_scalar()) return error_answer(500, "");
  auto bytes = base64_decode(php::text_of(*contents));
  if (!bytes) {
    return error_answer(400, "put: contents of file " + std::string(id) + " are not valid base-64");
  }
  return *std::move(bytes);
}

}  // namespace docket::trial_jobe
