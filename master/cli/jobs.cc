// docket jobs list
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

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

std::string path_of(const JobsQuery& query) {
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

}  // namespace

std::string jobs_text(const Json& answer, WallMs now, bool colour) {
  Table table({{"ID"},
               {"STATE"},
               {"LANGUAGE"},
               {"OUTCOME"},
               {"AGENT"},
               {"TRIES", Align::right},
               {"WAITED", Align::right},
               {"RAN", Align::right},
               {"AGE", Align::right}});
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
               {age_at(job, "received", now)}});
  }
  return table.text(colour);
}

Result<int> jobs_command(Context& context, const JobsQuery& query) {
  return show(context, path_of(query), jobs_text);
}

}  // namespace docket::cli
