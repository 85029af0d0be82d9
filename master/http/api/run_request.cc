#include "master/http/api/run_request.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "master/core/settings.h"
#include "master/http/api/php_value.h"
#include "protocol/base/ascii.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

using php::Value;

constexpr std::size_t kMinFileIdBytes = 8;
constexpr std::size_t kMaxFileNameBytes = 255;  // the file system's, in the sandbox
constexpr std::string_view kSecret = "jobeapikey";

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

// Null counts as absent, as in PHP's isset().
const Value* given(const php::Object& object, std::string_view name) {
  const Value* value = object.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// Numbers and booleans count as text where Jobe wants text.
Result<std::string> text_at(const php::Object& run_spec, const std::string& name) {
  const Value* value = given(run_spec, name);
  if (value == nullptr) return std::string();
  if (value->is_scalar()) return php::text_of(*value);
  return invalid("run_spec attribute '" + name + "' must be text, not " +
                 (value->list() != nullptr ? "a list" : "an object"));
}

Status check_required(const php::Object& run_spec) {
  for (const char* name : {"sourcecode", "language_id"}) {
    if (given(run_spec, name) == nullptr) {
      return invalid(std::string("run_spec is missing the required attribute '") + name + "'");
    }
    if (auto text = text_at(run_spec, name); !text) return text.error();
  }
  return ok_status();
}

// Jobe sets debug without looking; a list or an object breaks it.
Status check_debug(const php::Object& run_spec) {
  const Value* debug = given(run_spec, "debug");
  if (debug == nullptr || debug->is_scalar()) return ok_status();
  return invalid("run_spec attribute 'debug' must be true or false");
}

// Seconds, from 1: what the sandbox's time limits will be made of. Jobe checks the integer part and
// later takes its default for what is no number; 0 and less it refuses as part of the run.
Result<double> cputime_of(const php::Object& parameters) {
  const Value* value = given(parameters, "cputime");
  if (value == nullptr) return double{kDefaultCputimeSeconds};
  if (value->object() != nullptr) {
    return invalid("parameter 'cputime' must be a number of seconds");
  }
  if (php::intval(*value) > kMaxCputimeSeconds) {
    return invalid("cputime exceeds maximum allowed on this Jobe server (" +
                   std::to_string(kMaxCputimeSeconds) + " secs)");
  }
  const auto seconds = php::numeric(*value);
  if (!seconds || *seconds <= 0) return double{kDefaultCputimeSeconds};
  return std::min(*seconds, static_cast<double>(kMaxCputimeSeconds));
}

// In bytes, not characters: Jobe's pattern is not one for UTF-8, so "à" (C3 A0) is illegal and "é"
// (C3 A9) is not. A backslash is legal: in its pattern it escapes the character behind it.
bool legal_in_source_name(unsigned char c) {
  constexpr std::string_view kIllegal = "<>:\"/|?*#[]@!$&'()+,;={}^~`\x7f\xa0\xad";
  return c >= 0x20 && kIllegal.find(static_cast<char>(c)) == std::string_view::npos;
}

// Jobe copies a source under its name with an ending, for nodejs onto itself when it has 3 bytes.
bool can_copy_source(std::string_view name, std::string_view language) {
  const std::size_t ending = language == "nodejs" ? 3 : language == "octave" ? 2 : 0;
  return name.size() + ending <= kMaxFileNameBytes && !(language == "nodejs" && name.size() == 3);
}

Status check_source_name(const php::Object& run_spec, std::string_view language) {
  const Value* value = given(run_spec, "sourcefilename");
  if (value == nullptr) return ok_status();
  if (!value->is_scalar()) return text_at(run_spec, "sourcefilename").error();
  const std::string* name = value->text();
  const bool legal = name != nullptr && !name->starts_with('.') && !name->starts_with('-') &&
                     std::all_of(name->begin(), name->end(), legal_in_source_name);
  if (!legal) return invalid("The sourcefilename for the run_spec is illegal");
  if (!can_copy_source(*name, language)) {
    return invalid("The sourcefilename for the run_spec has a length that Jobe cannot use: " +
                   std::to_string(name->size()) + " bytes");
  }
  return ok_status();
}

bool legal_file(const php::List& pair) {
  if (pair.size() != 2 && pair.size() != 3) return false;
  const std::string* id = pair[0].text();
  const std::string* name = pair[1].text();
  if (id == nullptr || name == nullptr) return false;
  const auto dotted = [](char c) { return c == '-' || c == '_' || c == '.'; };
  return id->size() >= kMinFileIdBytes && std::all_of(id->begin(), id->end(), is_alphanumeric) &&
         std::any_of(name->begin(), name->end(), is_alphanumeric) &&
         std::all_of(name->begin(), name->end(),
                     [&](char c) { return is_alphanumeric(c) || dotted(c); });
}

Status add_file(const Value& element, std::vector<std::string>& ids) {
  const php::List* pair = element.list();
  if (pair == nullptr) {
    return invalid("each element of file_list must be a list: [\"file id\", \"file name\"]");
  }
  if (!legal_file(*pair)) return invalid("Invalid file specifier: " + php::print_r(element));
  if ((*pair)[1].text()->size() > kMaxFileNameBytes) {
    return invalid("file_list has a file name longer than " + std::to_string(kMaxFileNameBytes) +
                   " bytes");
  }
  const std::string& id = *(*pair)[0].text();
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  return ok_status();
}

Result<std::vector<std::string>> file_ids(const php::Object& run_spec) {
  std::vector<std::string> ids;
  const Value* given_list = given(run_spec, "file_list");
  if (given_list == nullptr) return ids;
  const php::List* list = given_list->list();
  const php::Object* object = given_list->object();  // as good as the list of its values
  if (list == nullptr && object == nullptr) {
    return invalid("run_spec attribute 'file_list' must be a list of [\"file id\", \"file name\"]");
  }
  const std::size_t count = list != nullptr ? list->size() : object->members().size();
  if (count > kMaxFilesPerJob) {
    return invalid("file_list has more than " + std::to_string(kMaxFilesPerJob) + " files");
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto added = add_file(list != nullptr ? (*list)[i] : object->members()[i].second, ids);
    if (!added) return added.error();
  }
  return ids;
}

// Which of a run's lists of arguments a language's commands are made of. Jobe breaks over one that
// is no list of texts only where it uses it.
bool uses(std::string_view language, std::string_view arguments) {
  const bool c = language == "c" || language == "cpp";
  if (arguments == "linkargs") return c;
  if (arguments == "compileargs") return c || language == "java" || language == "pascal";
  return true;
}

Status check_arguments(const php::Object& parameters, std::string_view language) {
  for (const char* name : {"compileargs", "linkargs", "interpreterargs", "runargs"}) {
    const Value* value = parameters.find(name);
    if (value == nullptr || !uses(language, name)) continue;
    const php::List* list = value->list();
    if (list == nullptr || !std::all_of(list->begin(), list->end(),
                                        [](const Value& word) { return word.is_scalar(); })) {
      return invalid("parameter '" + std::string(name) + "' must be a list of texts");
    }
  }
  if (language != "java") return ok_status();
  const Value* name = given(parameters, "main_class");
  if (name != nullptr && !name->is_scalar() && php::truthy(*name)) {
    return invalid("parameter 'main_class' must be text");
  }
  const Value* count = given(parameters, "numprocs");
  if (count != nullptr && count->object() != nullptr) {
    return invalid("parameter 'numprocs' must be a number");
  }
  return ok_status();
}

const php::Object& parameters_of(const php::Object& run_spec) {
  static const php::Object none;
  const Value* parameters = given(run_spec, "parameters");
  return parameters != nullptr && parameters->object() != nullptr ? *parameters->object() : none;
}

// Jobe ignores these keys, wherever they stand, and a secret must reach neither disk nor page. True
// when there was one.
bool take_out_secrets(Value& value) {
  bool taken = false;
  if (php::Object* object = value.object()) {
    taken = object->erase(kSecret);
    for (auto& [name, member] : object->members()) taken = take_out_secrets(member) || taken;
  } else if (php::List* list = value.list()) {
    for (Value& element : *list) taken = take_out_secrets(element) || taken;
  }
  return taken;
}

Result<RunRequest> read_run_spec(const php::Object& run_spec,
                                 const std::vector<std::string>& known_languages) {
  RunRequest run;
  if (auto required = check_required(run_spec); !required) return required.error();
  run.language = *text_at(run_spec, "language_id");
  std::transform(run.language.begin(), run.language.end(), run.language.begin(), ascii_lower);
  if (!std::binary_search(known_languages.begin(), known_languages.end(), run.language)) {
    return invalid("Language '" + run.language + "' is not known");
  }
  if (auto input = text_at(run_spec, "input"); !input) return input.error();
  if (auto debug = check_debug(run_spec); !debug) return debug.error();
  const php::Object& parameters = parameters_of(run_spec);
  auto cputime = cputime_of(parameters);
  if (!cputime) return cputime.error();
  run.cputime_s = static_cast<std::uint32_t>(std::ceil(*cputime));
  run.wall_ms = static_cast<std::uint32_t>(2'000 * *cputime);
  if (auto name = check_source_name(run_spec, run.language); !name) return name.error();
  auto files = file_ids(run_spec);
  if (!files) return files.error();
  run.files = std::move(*files);
  if (auto arguments = check_arguments(parameters, run.language); !arguments) {
    return arguments.error();
  }
  return run;
}

}  // namespace

Result<RunRequest> parse_run_request(std::string&& body,
                                     const std::vector<std::string>& known_languages) {
  if (body.empty()) return invalid("Non-JSON post data received");
  php::Reading reading;
  auto read = php::json_decode(body, &reading);
  if (!read) {
    return invalid("The body is not valid JSON: " + read.error().message +
                   (reading.position > 0 ? " at byte " + std::to_string(reading.position) : ""));
  }
  php::Object* request = read->object();
  if (request == nullptr) return invalid("Non-JSON post data received");
  const Value* run_spec = request->find("run_spec");
  if (run_spec == nullptr || run_spec->object() == nullptr) {
    return invalid("No run_spec attribute found in post data");
  }
  auto run = read_run_spec(*run_spec->object(), known_languages);
  if (!run) return run;
  const bool held_secrets = take_out_secrets(*read);
  // Of two members of one name the text has both: what was overwritten may be a secret.
  run->body = std::make_shared<const std::string>(
      held_secrets || reading.overwrote ? php::json_encode(*read) : std::move(body));
  return run;
}

}  // namespace docket::http
