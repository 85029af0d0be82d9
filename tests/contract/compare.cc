#include "tests/contract/compare.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

namespace docket::contract {
namespace {

using nlohmann::ordered_json;
using Texts = std::vector<std::string>;

constexpr const char* kJson = "application/json; charset=UTF-8";
constexpr std::pair<const char*, const char*> kCors[] = {
    {"access-control-allow-origin", "*"},
    {"access-control-allow-headers",
     "X-API-KEY, Origin, X-Requested-With, Content-Type, Accept, Access-Control-Request-Method"},
    {"access-control-allow-methods", "GET, POST, OPTIONS, PUT, HEAD, DELETE"}};

// Programs that print something of their host.
const std::set<std::string>& own_texts() {
  static const std::set<std::string> names = {
      "params_runargs",   // the sandbox's HOME
      "filelist_9MB",     // the digest of a file whose upload was not recorded
      "run_nproc_limit",  // how many processes the shell and the interpreter are
  };
  return names;
}

std::string shortened(const std::string& text) {
  return text.size() <= 400 ? text : text.substr(0, 200) + " … " + text.substr(text.size() - 200);
}

void same(Texts& out, const std::string& what, const std::string& expected,
          const std::string& found) {
  if (expected != found) {
    out.push_back(what + ": " + shortened(found) + " instead of " + shortened(expected));
  }
}

// Work folders have a name of their own in every run.
std::string without_folder(const std::string& text) {
  static const std::regex kFolder("/home/jobe/runs/jobe_[A-Za-z0-9]{6}");
  return text.size() > 100'000 ? text : std::regex_replace(text, kFolder, "FOLDER");
}

void same_text(Texts& out, const Exchange& exchange, const std::string& key,
               const std::string& expected, const std::string& found) {
  const bool own = own_texts().contains(exchange.name) || expected.starts_with("Traceback") ||
                   (key == "cmpinfo" && expected.find("/runguard: ") == std::string::npos);
  if (!own) return same(out, key, without_folder(expected), without_folder(found));
  if (expected.empty() != found.empty()) same(out, key, expected, found);
}

Texts keys_of(const ordered_json& object) {
  Texts keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

void same_result(Texts& out, const Exchange& exchange, const std::string& found_body) {
  const auto expected = ordered_json::parse(exchange.answer.body);
  const auto found = ordered_json::parse(found_body, nullptr, false);
  if (!found.is_object() || keys_of(found) != keys_of(expected)) {
    out.push_back("the keys of the result: " + shortened(found_body));
    return;
  }
  static const std::regex kJobId("[0-9a-hjkmnp-tv-z]{26}");
  if (!found["run_id"].is_string() ||
      !std::regex_match(found["run_id"].get<std::string>(), kJobId)) {
    out.push_back("run_id: " + found["run_id"].dump());
  }
  same(out, "outcome", expected["outcome"].dump(), found["outcome"].dump());
  for (const char* key : {"cmpinfo", "stdout", "stderr"}) {
    if (!found[key].is_string()) {
      out.push_back(std::string(key) + " is no text");
      continue;
    }
    same_text(out, exchange, key, expected[key], found[key]);
  }
}

bool is_language_list(const ordered_json& body) {
  return body.is_array() && std::all_of(body.begin(), body.end(), [](const auto& entry) {
           return entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
                  entry[1].is_string();
         });
}

void same_body(Texts& out, const Exchange& exchange, const std::string& found) {
  const std::string& expected = exchange.answer.body;
  if (!exchange.body_known) {
    out.push_back("Jobe's body is not known");
  } else if (is_result(expected)) {
    same_result(out, exchange, found);
  } else if (expected.starts_with("[[")) {
    const auto list = ordered_json::parse(found, nullptr, false);
    if (!is_language_list(list) || !std::is_sorted(list.begin(), list.end())) {
      out.push_back("the list of languages: " + shortened(found));
    }
  } else {
    same(out, "body", expected, found);
  }
}

// Whether Jobe 2.1.1 sends CORS headers with such an answer: its router's 404 has none.
bool has_cors(const Exchange& exchange, int status, const std::string& body) {
  if (status != 404) return true;
  if (exchange.request.head_only) return exchange.path.find("/files/") != std::string::npos;
  return body != "\"\"";
}

void same_headers(Texts& out, const Exchange& exchange, const Answer& found, const Deviation* row) {
  const Answer& expected = exchange.answer;
  const auto value = [](const Answer& answer, const char* name) {
    return answer.header(name).value_or("(none)");
  };
  if (found.status == 204) {
    for (const char* name : {"content-type", "content-length", "transfer-encoding"}) {
      same(out, name, "(none)", value(found, name));
    }
    same(out, "body", "", found.body);
  } else if (row == nullptr) {
    same(out, "content-type", value(expected, "content-type"), value(found, "content-type"));
  } else if (!found.body.empty()) {
    same(out, "content-type", kJson, value(found, "content-type"));
  }
  if (expected.header("cache-control")) {
    same(out, "cache-control", value(expected, "cache-control"), value(found, "cache-control"));
  }
  if (row != nullptr) {
    for (const auto& [name, text] : row->headers) same(out, name, text, value(found, name.c_str()));
  }
  if (exchange.method == "RAW") return;
  const bool cors = has_cors(exchange, found.status, found.body);
  for (const auto& [name, text] : kCors)
    same(out, name, cors ? text : "(none)", value(found, name));
}

}  // namespace

bool is_result(const std::string& body) {
  const auto parsed = ordered_json::parse(body, nullptr, false);
  return parsed.is_object() && parsed.contains("outcome");
}

Texts differences(const Exchange& exchange, const Answer& found, const Deviation* row) {
  Texts out;
  if (!found.problem.empty()) out.push_back(found.problem);
  const int status = row != nullptr && row->status ? *row->status : exchange.answer.status;
  same(out, "status", std::to_string(status), std::to_string(found.status));
  if (row != nullptr && row->jobe_status && *row->jobe_status != exchange.answer.status) {
    out.push_back("the row says that Jobe answers " + std::to_string(*row->jobe_status));
  }
  if (exchange.answer.interim != found.interim) out.push_back("interim answers");
  if (row == nullptr || row->bodies.empty()) {
    same_body(out, exchange, found.body);
  } else if (std::none_of(row->bodies.begin(), row->bodies.end(),
                          [&](const auto& pattern) { return fits(pattern, "…", found.body); })) {
    out.push_back("body: " + shortened(found.body) + " is not what the row says");
  }
  if (found.status != 0) same_headers(out, exchange, found, row);
  return out;
}

}  // namespace docket::contract
