#include "tests/trial_jobe/run_spec.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "protocol/base/base64.h"
#include "tests/trial_jobe/json_text.h"

namespace docket::trial_jobe {
namespace {

using nlohmann::json;

constexpr std::size_t kMinFileIdBytes = 8;

// Thrown and caught in this file only: the answer that ends the validation.
struct Refused {
  Answer answer;
};

[[noreturn]] void refuse(Answer answer) {
  throw Refused{std::move(answer)};
}

const json& field(const json& object, const char* name) {
  static const json null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

bool alphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// PHP's is_numeric() for a text.
std::optional<double> number_in(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.find_first_of("nN") != std::string_view::npos) return std::nullopt;  // nan, inf
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> number(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return number_in(value.get_ref<const std::string&>());
  return std::nullopt;
}

std::optional<std::vector<std::string>> words(const json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> list;
  for (const auto& item : value) {
    if (!item.is_structured()) list.push_back(php_text(item));
  }
  return list;
}

Parameters read_parameters(const json& run_spec) {
  const json& given = field(run_spec, "parameters");
  Parameters out;
  if (!given.is_object()) return out;
  out.cpu_s = number(field(given, "cputime"));
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

std::string read_text(const json& run_spec, const char* name) {
  const json& value = field(run_spec, name);
  if (value.is_structured()) {
    refuse(exception_answer("Cannot assign " + std::string(php_type(value)) +
                            " to property Jobe\\RunSpecifier::$" + name + " of type string"));
  }
  return php_text(value);
}

void require(const json& run_spec, const char* name) {
  if (!field(run_spec, name).is_null()) return;
  refuse(
      error_answer(400, "run_spec is missing the required attribute '" + std::string(name) + "'"));
}

bool legal_source_name(const std::string& name) {
  constexpr std::string_view kForbidden = "/:;'\"$~`";
  if (name.starts_with('.') || name.starts_with('-')) return false;
  return std::none_of(name.begin(), name.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || kForbidden.find(c) != std::string_view::npos;
  });
}

std::string read_source_name(const json& run_spec) {
  const json& value = field(run_spec, "sourcefilename");
  if (value.is_null()) return {};
  if (value.is_structured()) {
    refuse(exception_answer("ltrim(): Argument #1 ($string) must be of type string, " +
                            std::string(php_type(value)) + " given"));
  }
  if (!value.is_string() || !legal_source_name(value.get_ref<const std::string&>())) {
    refuse(error_answer(400, "The sourcefilename for the run_spec is illegal"));
  }
  return value.get<std::string>();
}

bool legal_file(const json& pair) {
  if (pair.size() != 2 && pair.size() != 3) return false;
  if (!pair[0].is_string() || !pair[1].is_string()) return false;
  const auto& id = pair[0].get_ref<const std::string&>();
  const auto& name = pair[1].get_ref<const std::string&>();
  const auto in_name = [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  return id.size() >= kMinFileIdBytes && std::all_of(id.begin(), id.end(), alphanumeric) &&
         !name.empty() && name != "." && name.find("..") == std::string::npos &&
         std::all_of(name.begin(), name.end(), in_name);
}

std::vector<SupportFile> read_files(const json& run_spec) {
  const json& list = field(run_spec, "file_list");
  if (list.is_null()) return {};
  if (!list.is_structured()) {
    refuse(exception_answer("foreach() argument must be of type array|object, " +
                            std::string(php_type(list)) + " given"));
  }
  std::vector<SupportFile> files;
  for (const auto& pair : list) {
    if (!pair.is_array()) {
      refuse(exception_answer("count(): Argument #1 ($value) must be of type Countable|array, " +
                              std::string(php_type(pair)) + " given"));
    }
    if (!legal_file(pair)) refuse(error_answer(400, "Invalid file specifier: " + print_r(pair)));
    files.push_back({pair[0].get<std::string>(), pair[1].get<std::string>()});
  }
  return files;
}

const json& find_run_spec(const json& body) {
  if (!body.is_object()) refuse(error_answer(400, "Non-JSON post data received"));
  const auto found = body.find("run_spec");
  if (found == body.end()) {
    refuse(exception_answer("Undefined property: stdClass::$run_spec"));
  }
  if (!found->is_object()) refuse(error_answer(400, "No run_spec attribute found in post data"));
  return *found;
}

bool truthy(const json& value) {
  if (value.is_null()) return false;
  if (value.is_array()) return !value.empty();
  if (value.is_object()) return true;
  if (value.is_number()) return value.get<double>() != 0;
  const std::string text = php_text(value);
  return !text.empty() && text != "0";
}

RunSpec read_run_spec(const json& run_spec, const IsOffered& is_offered) {
  RunSpec spec;
  require(run_spec, "sourcecode");
  require(run_spec, "language_id");
  spec.source = read_text(run_spec, "sourcecode");
  spec.language = read_text(run_spec, "language_id");
  std::transform(spec.language.begin(), spec.language.end(), spec.language.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  spec.input = read_text(run_spec, "input");
  if (spec.input == "0") spec.input.clear();  // PHP takes it for empty
  spec.source_name = read_source_name(run_spec);
  spec.files = read_files(run_spec);
  spec.parameters = read_parameters(run_spec);
  spec.debug = truthy(field(run_spec, "debug"));
  if (!is_offered(spec.language)) {
    refuse(error_answer(400, "Language '" + spec.language + "' is not known"));
  }
  if (spec.parameters.cpu_s && *spec.parameters.cpu_s >= kMaxCpuSeconds + 1) {
    refuse(error_answer(400, "cputime exceeds maximum allowed on this Jobe server (" +
                                 std::to_string(kMaxCpuSeconds) + " secs)"));
  }
  return spec;
}

}  // namespace

std::variant<RunSpec, Answer> parse_run(std::string_view body, const IsOffered& is_offered) {
  if (body.empty()) return error_answer(400, "Non-JSON post data received");
  const auto parsed = parse_json(body);
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
  const auto parsed = parse_json(body);
  if (!parsed) return error_answer(500, "");
  const json& whole = parsed.value();
  const json& contents =
      whole.is_object() ? field(whole, "file_contents") : field(json::object(), "");
  if (contents.is_null()) return error_answer(400, "put: missing file_contents parameter");
  if (contents.is_structured()) return error_answer(500, "");
  auto bytes = base64_decode(php_text(contents));
  if (!bytes) {
    return error_answer(400, "put: contents of file " + std::string(id) + " are not valid base-64");
  }
  return *std::move(bytes);
}

}  // namespace docket::trial_jobe
