// docket jobs list
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/base/percent.h"

namespace docket::cli {
namespace {

Tone state_tone(const std::string& state) {
  if (state == "failed" || state == "expired") return Tone::bad;
  return state == "running" ? Tone::good : Tone::plain;
}

// The last attempt's time is known once it has ended.
std::string ran(const Json& job) {
  const auto ms = number_at(job, "run_ms");
  return ms > 0 ? duration(ms) : std::string();
}

}  // namespace

std::string jobs_path(const JobsQuery& query) {
  std::string path = "/api/v1/jobs?limit=" + std::to_string(query.limit);
  const std::pair<const char*, const std::string&> filters[] = {
      {"state", query.state}, {"language", query.language}, {"agent", query.agent},
      {"key", query.key},     {"outcome", query.outcome},   {"from", query.from},
      {"to", query.to},       {"text", query.text},         {"cursor", query.cursor}};
  for (const auto& [name, value] : filters) {
    if (!value.empty()) path += std::string("&") + name + "=" + percent_encoded(value);
  }
  return path;
}

std::string jobs_text(const Json& answer, const Look& look) {
  Table table({{"ID"},
               {"STATE"},
               {"LANGUAGE"},
               {"OUTCOME"},
               {"AGENT"},
               {"TRIES", Align::right},
               {"WAITED", Align::right},
               {"RAN", Align::right},
               {"AGE", Align::right},
               {"KEY", Align::left, true},
               {"CLIENT JOB", Align::left, true},
               {"FINISHED", Align::left, true}});
  for (const auto& job : list_at(answer, "jobs")) {
    const std::string state = text_at(job, "state");
    table.add({{text_at(job, "id")},
               {state, state_tone(state)},
               {text_at(job, "language")},
               {outcome_in(job)},
               {text_at(job, "agent")},
               {std::to_string(number_at(job, "attempts"))},
               {duration(number_at(job, "waited_ms"))},
               {ran(job)},
               {age_at(job, "received", look.now)},
               {text_at(job, "key")},
               {text_at(job, "client_job")},
               {text_at(job, "finished")}});
  }
  return table.text(look);
}

Result<int> jobs_command(Context& context, const JobsQuery& query) {
  const List list{"jobs", "id", jobs_text, {"waited_ms"}};
  if (context.watch) return show_list(context, jobs_path(query), list);
  const auto body = fetch_text(context.client, jobs_path(query));
  if (!body) return body.error();
  const auto answer = parse_object(context.client, *body);
  if (!answer) return answer.error();
  print(list_text(*body, list, context.format, context.look()));
  const std::string next = text_at(*answer, "next");
  if (!next.empty() && context.format != Format::json) {
    tell("there are older ones: docket jobs list --cursor " + visible(next));
  }
  return 0;
}

}  // namespace docket::cli
