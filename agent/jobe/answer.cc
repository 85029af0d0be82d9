#include "agent/jobe/answer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/core/fault_signature.h"
#include "protocol/base/json_depth.h"

namespace docket::agent {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFirstKey = "{\"run_id\":";

// The end of the JSON scalar that begins at `from`, or 0 when it is no scalar. The text is known to
// be valid JSON.
std::size_t scalar_end(const std::string& body, std::size_t from) {
  constexpr std::string_view kNoScalar = "{[ \t\r\n";
  if (from >= body.size() || kNoScalar.find(body[from]) != std::string_view::npos) return 0;
  if (body[from] != '"') return body.find_first_of(",}", from);
  for (std::size_t at = from + 1; at < body.size(); ++at) {
    if (body[at] == '\\') {
      ++at;
    } else if (body[at] == '"') {
      return at + 1;
    }
  }
  return 0;
}

struct Parsed {
  ordered_json json;  // discarded when the text is no JSON
  int run_ids = 0;    // members of that name; of several the last counts
};

Parsed parse(const std::string& body) {
  Parsed parsed;
  if (json_depth(body) > kMaxJsonDepth) return parsed;
  const auto count = [&](int depth, ordered_json::parse_event_t event, const ordered_json& item) {
    if (event == ordered_json::parse_event_t::key && depth == 1 && item == "run_id") {
      ++parsed.run_ids;
    }
    return true;
  };
  parsed.json = ordered_json::parse(body, count, false);
  return parsed;
}

std::string with_run_id(std::string&& body, Parsed& parsed, const std::string& run_id) {
  if (parsed.run_ids == 1 && body.starts_with(kFirstKey)) {
    const std::size_t end = scalar_end(body, kFirstKey.size());
    if (end != 0 && end != std::string::npos) {
      body.replace(kFirstKey.size(), end - kFirstKey.size(), "\"" + run_id + "\"");
      return std::move(body);
    }
  }
  parsed.json["run_id"] = run_id;
  return parsed.json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string_view text_at(const ordered_json& parsed, const char* key) {
  const auto found = parsed.find(key);
  if (found == parsed.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

Remark remark_on(std::uint32_t outcome, const ordered_json& json) {
  const std::string_view cmpinfo = text_at(json, "cmpinfo");
  const bool no_text =
      cmpinfo.empty() && text_at(json, "stdout").empty() && text_at(json, "stderr").empty();
  if (outcome == static_cast<std::uint32_t>(Outcome::ok) && no_text) return Remark::silent;
  if (outcome == static_cast<std::uint32_t>(Outcome::compile_error) && compile_time_up(cmpinfo)) {
    return Remark::compile_time_up;
  }
  return Remark::none;
}

RunAnswered too_large(RunAnswered&& answer) {
  answer.ending = Ending::unreadable;
  answer.body.clear();
  answer.detail = "the answer is larger than " + std::to_string(kMaxBodyBytes >> 20) + " MB";
  return std::move(answer);
}

}  // namespace

RunAnswered read_run_answer(const AttemptId& id, int http_status, std::string&& body) {
  RunAnswered answer;
  answer.id = id;
  answer.http_status = static_cast<std::uint32_t>(std::clamp(http_status, 0, 999));
  if (body.size() > kMaxBodyBytes) return too_large(std::move(answer));
  if (http_status == 400) {
    answer.ending = Ending::rejected;
    answer.body = std::move(body);
    return answer;
  }
  if (http_status == 404) {
    answer.ending = Ending::files_missing;
    return answer;
  }
  if (http_status != 200) {
    answer.ending = Ending::http_error;
    answer.detail = body.substr(0, 200);
    return answer;
  }
  Parsed parsed = parse(body);
  const ordered_json& json = parsed.json;
  const auto outcome = json.is_object() ? json.find("outcome") : json.end();
  if (!json.is_object() || outcome == json.end() || !outcome->is_number_integer() ||
      outcome->get<std::int64_t>() < 0 || outcome->get<std::int64_t>() > 255) {
    answer.ending = Ending::unreadable;
    answer.detail = "the body is not a result";
    return answer;
  }
  answer.ending = Ending::ran;
  answer.outcome = outcome->get<std::uint32_t>();
  answer.fault_signature = fault_signature(text_at(json, "cmpinfo"), Step::compile);
  if (answer.fault_signature.empty()) {
    answer.fault_signature = fault_signature(text_at(json, "stderr"), Step::run);
  }
  answer.remark = remark_on(answer.outcome, json);
  answer.body = with_run_id(std::move(body), parsed, id.job.text());
  if (answer.body.size() > kMaxBodyBytes) return too_large(std::move(answer));
  return answer;
}

Result<std::vector<Language>> read_languages(const std::string& body) {
  const auto parsed = ordered_json::parse(body, nullptr, false);
  const Error unreadable{ErrorCode::corrupt, "its list of languages cannot be read"};
  if (!parsed.is_array()) return unreadable;
  std::vector<Language> languages;
  for (const auto& entry : parsed) {
    if (!entry.is_array() || entry.size() < 2 || !entry[0].is_string() || !entry[1].is_string()) {
      return unreadable;
    }
    Language language{entry[0].get<std::string>(), entry[1].get<std::string>()};
    const bool fits = !language.id.empty() && language.id.size() <= kMaxNameBytes &&
                      language.version.size() <= kMaxNameBytes;
    if (!fits || languages.size() == kMaxLanguages) return unreadable;
    languages.push_back(std::move(language));
  }
  return languages;
}

}  // namespace docket::agent
