#include "master/cli/run_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/base/check.h"
#include "protocol/job.h"

namespace docket::cli {
namespace {

struct Ending {
  std::string_view ending;
  std::string_view language;
};

constexpr Ending kEndings[] = {
    {".c", "c"},       {".cpp", "cpp"}, {".cc", "cpp"},     {".py", "python3"}, {".js", "nodejs"},
    {".java", "java"}, {".php", "php"}, {".pas", "pascal"}, {".m", "octave"},
};

}  // namespace

std::string_view language_of_file(std::string_view name) {
  const std::string_view base = base_name(name);
  const auto dot = base.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return "";
  for (const auto& known : kEndings) {
    if (base.substr(dot) == known.ending) return known.language;
  }
  return "";
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool legal_file_name(std::string_view name) {
  return !name.empty() && name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::string source_name(std::string_view program, std::string_view language) {
  const std::string_view name = base_name(program);
  const bool fits = legal_file_name(name) && name.front() != '.' && name.front() != '-' &&
                    language_of_file(name) == language;
  return fits ? std::string(name) : std::string();
}

std::string run_body(const RunRequest& run) {
  nlohmann::ordered_json run_spec = {
      {"language_id", run.language}, {"sourcecode", run.source}, {"input", run.input}};
  if (!run.source_name.empty()) run_spec["sourcefilename"] = run.source_name;
  auto parameters = nlohmann::ordered_json::object();
  if (run.cputime_s) parameters["cputime"] = *run.cputime_s;
  if (run.memory_mb) parameters["memorylimit"] = *run.memory_mb;
  if (!parameters.empty()) run_spec["parameters"] = parameters;
  if (!run.files.empty()) {
    run_spec["file_list"] = nlohmann::ordered_json::array();
    for (const auto& file : run.files) {
      run_spec["file_list"].push_back(nlohmann::ordered_json::array({file.id, file.name}));
    }
  }
  return nlohmann::ordered_json{{"run_spec", run_spec}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int exit_code_of(int outcome) {
  return outcome == static_cast<int>(Outcome::ok) ? 0 : 1;
}

std::string outcome_sentence(int outcome) {
  switch (static_cast<Outcome>(outcome)) {
    case Outcome::time_limit:
      return "time limit exceeded";
    case Outcome::memory_limit:
      return "memory limit exceeded";
    case Outcome::internal_error:
      return "internal error of the sandbox";
    case Outcome::overload:
      return "no sandbox had room for it; try again later";
    case Outcome::none:
    case Outcome::compile_error:
    case Outcome::runtime_error:
    case Outcome::ok:
    case Outcome::illegal_call:
      break;
  }
  return outcome_name(outcome);
}

}  // namespace docket::cli
