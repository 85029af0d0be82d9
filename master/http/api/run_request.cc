#include "master/http/api/run_request.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "master/core/settings.h"
#include "protocol/base/json_depth.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

using nlohmann::json;

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

std::string fold(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return text;
}

bool alphanumeric(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Numbers and booleans count as text where Jobe wants text.
Result<std::string> text_of(const json& value, const std::string& field) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return std::string();
  if (value.is_boolean()) return std::string(value.get<bool>() ? "1" : "");
  if (value.is_number()) return value.dump();
  return invalid("run_spec attribute '" + field + "' must be text");
}

bool legal_source_name(const std::string& name) {
  if (name.empty()) return true;
  if (name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c >= 0x20 && c != 0x7f &&
           std::string_view("/:;'\"$~`").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

bool legal_file(const json& entry) {
  if (!entry.is_array() || entry.size() < 2 || entry.size() > 3) return false;
  if (!entry[0].is_string() || !entry[1].is_string()) return false;
  const auto& id = entry[0].get_ref<const std::string&>();
  const auto& name = entry[1].get_ref<const std::string&>();
  const bool good_id = id.size() >= 8 && id.size() <= kMaxNameBytes &&
                       std::all_of(id.begin(), id.end(), alphanumeric);
  const bool good_name = !name.empty() && name.find("..") == std::string::npos &&
                         std::all_of(name.begin(), name.end(), [](unsigned char c) {
                           return alphanumeric(c) || c == '-' || c == '_' || c == '.';
                         });
  return good_id && good_name;
}

// The array as Jobe prints it in its message.
std::string printed(const json& entry) {
  std::string text = "Array\n(\n";
  std::size_t at = 0;
  for (const auto& element : entry) {
    text += "    [" + std::to_string(at++) + "] => " +
            (element.is_string() ? element.get<std::string>() : element.dump()) + "\n";
  }
  return text + ")\n";
}

Result<std::vector<std::string>> file_ids(const json& run_spec) {
  std::vector<std::string> ids;
  const auto list = run_spec.find("file_list");
  if (list == run_spec.end() || list->is_null()) return ids;
  if (!list->is_array() && !list->is_object()) {
    return invalid("run_spec attribute 'file_list' must be a list");
  }
  if (list->size() > kMaxFilesPerJob) {
    return invalid("file_list has more than " + std::to_string(kMaxFilesPerJob) + " files");
  }
  for (const auto& entry : *list) {
    if (!entry.is_array()) return invalid("each element of file_list must be a list");
    if (!legal_file(entry)) return invalid("Invalid file specifier: " + printed(entry));
    const auto& id = entry[0].get_ref<const std::string&>();
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

Result<std::uint32_t> cputime_of(const json& run_spec) {
  const auto parameters = run_spec.find("parameters");
  if (parameters == run_spec.end() || !parameters->is_object()) return kDefaultCputimeSeconds;
  const auto value = parameters->find("cputime");
  if (value == parameters->end() || !value->is_number()) return kDefaultCputimeSeconds;
  const double seconds = std::floor(value->get<double>());
  if (seconds > kMaxCputimeSeconds) {
    return invalid("cputime exceeds maximum allowed on this Jobe server (" +
                   std::to_string(kMaxCputimeSeconds) + " secs)");
  }
  return seconds <= 0 ? kDefaultCputimeSeconds : static_cast<std::uint32_t>(seconds);
}

// Jobe ignores these keys, and a secret must reach neither disk nor page. True when the body must
// be written anew: of two members of one name the parser keeps the last, the body still has both.
bool take_out_secrets(json& request, const std::string& body) {
  json& run_spec = request["run_spec"];
  std::size_t taken = request.erase("jobeapikey") + run_spec.erase("jobeapikey");
  const auto parameters = run_spec.find("parameters");
  if (parameters != run_spec.end() && parameters->is_object()) {
    taken += parameters->erase("jobeapikey");
  }
  return taken > 0 || body.find("\"jobeapikey\"") != std::string::npos;
}

}  // namespace

Result<RunRequest> parse_run_request(std::string&& body) {
  if (body.empty()) return invalid("Non-JSON post data received");
  // The parser passes over a byte order mark and stops at a NUL; Jobe refuses both.
  if (body.starts_with("\xEF\xBB\xBF") || body.find('\0') != std::string::npos) {
    return invalid("The body is not valid JSON: it holds a byte order mark or a NUL byte");
  }
  if (json_depth(body) > kMaxJsonDepth) {
    return invalid("The body nests deeper than " + std::to_string(kMaxJsonDepth) + " levels");
  }
  json request;
  try {
    request = json::parse(body);
  } catch (const json::exception& e) {
    return invalid("The body is not valid JSON: it fails at byte " +
                   std::to_string(dynamic_cast<const json::parse_error*>(&e) != nullptr
                                      ? static_cast<const json::parse_error&>(e).byte
                                      : 0));
  }
  if (!request.is_object()) return invalid("Non-JSON post data received");
  const auto found = request.find("run_spec");
  if (found == request.end() || !found->is_object()) {
    return invalid("No run_spec attribute found in post data");
  }
  json& run_spec = *found;
  for (const char* field : {"sourcecode", "language_id"}) {
    if (!run_spec.contains(field)) {
      return invalid(std::string("run_spec is missing the required attribute '") + field + "'");
    }
    if (auto text = text_of(run_spec[field], field); !text) return text.error();
  }
  RunRequest run;
  run.language = fold(*text_of(run_spec["language_id"], "language_id"));
  for (const char* field : {"input", "sourcefilename"}) {
    const auto value = run_spec.find(field);
    if (value == run_spec.end()) continue;
    auto text = text_of(*value, field);
    if (!text) return text.error();
    if (std::string_view(field) == "sourcefilename" && !legal_source_name(*text)) {
      return invalid("The sourcefilename for the run_spec is illegal");
    }
  }
  auto files = file_ids(run_spec);
  if (!files) return files.error();
  run.files = std::move(*files);
  auto cputime = cputime_of(run_spec);
  if (!cputime) return cputime.error();
  run.cputime_s = *cputime;
  run.body = std::make_shared<const std::string>(take_out_secrets(request, body) ? request.dump()
                                                                                 : std::move(body));
  return run;
}

}  // namespace docket::http
