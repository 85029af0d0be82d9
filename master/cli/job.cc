// docket jobs show
#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/base/percent.h"
#include "protocol/job.h"

namespace docket::cli {
namespace {

constexpr std::size_t kMostCandidates = 10;

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Fact moment(const char* label, const Json& object, const char* key, WallMs now) {
  const std::string passed = age_at(object, key, now);
  return {label, {passed.empty() ? "" : text_at(object, key) + " (" + passed + " ago)"}};
}

// Empty where they are shown.
std::string bodies_of(const Json& job) {
  const std::string bodies = text_at(job, "bodies");
  if (bodies == "purged") return "purged: they were older than they are kept";
  if (bodies == "withheld") return "withheld: seeing them needs a token made with --source";
  return "";
}

std::string facts_of_job(const Json& job, const Look& look) {
  const auto cputime_s = number_at(job, "cputime_s");
  const auto files = list_at(job, "files").size();
  return facts_text({{"Run", {text_at(job, "id"), Tone::strong}},
                     {"State", {text_at(job, "state")}},
                     {"Outcome", {outcome_in(job)}},
                     {"Language", {text_at(job, "language")}},
                     {"Agent", {text_at(job, "agent")}},
                     moment("Received", job, "received", look.now),
                     moment("Finished", job, "finished", look.now),
                     {"Waited", {duration(number_at(job, "waited_ms"))}},
                     {"CPU limit", {cputime_s > 0 ? std::to_string(cputime_s) + " s" : ""}},
                     {"Files", {files > 0 ? std::to_string(files) : ""}},
                     {"Key", {text_at(job, "key")}},
                     {"CodeRunner job", {text_at(job, "client_job")}},
                     {"Source, output", {bodies_of(job)}}},
                    look.colour);
}

// "+1.2 s": when an attempt began, seen from the moment the job came.
std::string offset(const Json& job, const Json& attempt) {
  const auto received = parse_time(text_at(job, "received"));
  const auto assigned = parse_time(text_at(attempt, "assigned"));
  std::string text;
  if (received && assigned) {
    text = "+";
    text += duration(*assigned - *received);
  }
  return text;
}

std::string detail_of(const Json& attempt) {
  std::string detail = text_at(attempt, "detail");
  const auto status = number_at(attempt, "http_status");
  if (detail.empty() && status != 0 && status != 200) detail = "HTTP " + std::to_string(status);
  if (known_at(attempt, "late_answer")) {
    detail += detail.empty() ? "answered too late" : "; answered too late";
  }
  return detail;
}

std::string timeline(const Json& job, const Look& look) {
  Table table({{"TRY", Align::right},
               {"AGENT"},
               {"VERSION"},
               {"BEGAN", Align::right},
               {"ENDING"},
               {"OUTCOME"},
               {"FILES", Align::right},
               {"RAN", Align::right},
               {"DETAIL"}});
  for (const auto& attempt : list_at(job, "timeline")) {
    const auto outcome = static_cast<int>(number_at(attempt, "outcome"));
    const auto push_ms = number_at(attempt, "push_ms");
    const auto run_ms = number_at(attempt, "run_ms");
    table.add({{std::to_string(number_at(attempt, "number"))},
               {text_at(attempt, "agent")},
               {text_at(attempt, "language_version")},
               {offset(job, attempt)},
               {text_at(attempt, "ending")},
               {outcome == 0 ? "" : outcome_name(outcome)},
               {push_ms > 0 ? duration(push_ms) : ""},
               {run_ms > 0 ? duration(run_ms) : ""},
               {detail_of(attempt)}});
  }
  return table.text(look);
}

std::string part(const char* title, const std::string& text, bool colour) {
  if (text.empty()) return "";
  std::string out = "\n";
  out += toned(title, Tone::strong, colour);
  out += "\n";
  out += visible_lines(text);
  if (out.back() != '\n') out.push_back('\n');
  return out;
}

std::string result_text(const Json& job, bool colour) {
  if (!known_at(job, "result")) return "";
  const Json& result = job["result"];
  if (result.is_string()) return part("Answer", result.get<std::string>(), colour);
  return part("Compiler", text_at(result, "cmpinfo"), colour) +
         part("Standard output", text_at(result, "stdout"), colour) +
         part("Standard error", text_at(result, "stderr"), colour);
}

}  // namespace

Result<std::string> whole_id(Context& context, const std::string& id) {
  const std::string wanted = lower(id);
  if (wanted.empty()) return Error{ErrorCode::invalid, "the id is empty"};
  if (JobId::parse(wanted)) return wanted;
  if (wanted.size() >= kJobIdTextBytes) {
    return Error{ErrorCode::not_found, in_quotes(id) + " is no run id"};
  }
  const auto answer =
      fetch(context.client, "/api/v1/jobs?limit=1000&text=" + percent_encoded(wanted));
  if (!answer) return answer.error();
  if (known_at(*answer, "next")) {
    return Error{ErrorCode::conflict,
                 "more than 1000 runs have " + in_quotes(id) + " in their ids: give more of it"};
  }
  std::vector<std::string> ids;
  for (const auto& job : list_at(*answer, "jobs")) ids.push_back(text_at(job, "id"));
  return matching_id(ids, wanted);
}

Result<std::string> matching_id(const std::vector<std::string>& ids, const std::string& part_of) {
  const std::string wanted = lower(part_of);
  std::vector<std::string> found;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(found), [&](const std::string& id) {
    return id.starts_with(wanted) || id.ends_with(wanted);
  });
  if (found.empty()) {
    return Error{ErrorCode::not_found, "no run's id begins or ends with " + in_quotes(part_of)};
  }
  if (found.size() == 1) return found.front();
  std::string message =
      std::to_string(found.size()) + " runs begin or end with " + in_quotes(part_of) + ":";
  for (std::size_t i = 0; i < std::min(found.size(), kMostCandidates); ++i) {
    message += "\n  ";
    message += visible(found[i]);
  }
  if (found.size() > kMostCandidates) {
    message += "\n  and " + std::to_string(found.size() - kMostCandidates) + " more";
  }
  return Error{ErrorCode::conflict, message};
}

std::string job_text(const Json& job, const Look& look) {
  std::string out = facts_of_job(job, look);
  if (!list_at(job, "timeline").empty()) {
    out += "\n";
    out += timeline(job, look);
  }
  return out + result_text(job, look.colour);
}

Result<int> job_command(Context& context, const std::string& id) {
  const auto whole = whole_id(context, id);
  return whole ? show(context, "/api/v1/jobs/" + *whole, job_text, "id") : whole.error();
}

}  // namespace docket::cli
