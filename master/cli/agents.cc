// docket agents list
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

Tone tone_of(const std::string& state) {
  if (state == "active") return Tone::good;
  if (state == "lost" || state == "quarantined") return Tone::bad;
  return state == "left" ? Tone::plain : Tone::doubtful;
}

std::string reason_of(const Json& agent) {
  std::string reason = text_at(agent, "reason");
  const std::string degraded = text_at(agent, "degraded");
  if (!reason.empty()) return reason;
  return degraded.empty() ? text_at(agent, "shortage") : "degraded: " + degraded;
}

std::string languages_of(const Json& agent) {
  std::string ids;
  for (const auto& language : list_at(agent, "languages")) {
    if (!ids.empty()) ids += ",";
    ids += text_at(language, "id");
  }
  return ids;
}

std::string weight_of(const Json& agent) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", real_at(agent, "weight"));
  return text;
}

// Of what the host told of itself; free memory and disk.
std::string host_figure(const Json& agent, const char* key, const char* unit) {
  if (!known_at(agent, "host") || !known_at(agent["host"], key)) return "";
  return std::to_string(number_at(agent["host"], key)) + unit;
}

}  // namespace

std::string agents_text(const Json& answer, const Look& look) {
  Table table({{"NAME"},
               {"STATE"},
               {"RUNNING", Align::right},
               {"WEIGHT", Align::right},
               {"LANGUAGES"},
               {"DONE", Align::right},
               {"FAULTS", Align::right},
               {"SEEN", Align::right},
               {"VERSION", Align::left, true},
               {"TAGS", Align::left, true},
               {"CORES", Align::right, true},
               {"LOAD", Align::right, true},
               {"MEMORY", Align::right, true},
               {"DISK", Align::right, true},
               {"REASON"}});
  for (const auto& agent : list_at(answer, "agents")) {
    const std::string state = text_at(agent, "state");
    const auto faults = number_at(agent, "host_faults");
    table.add({{text_at(agent, "name")},
               {state, tone_of(state)},
               {std::to_string(number_at(agent, "running")) + "/" +
                std::to_string(number_at(agent, "slots"))},
               {weight_of(agent)},
               {languages_of(agent)},
               {std::to_string(number_at(agent, "finished"))},
               {std::to_string(faults), faults > 0 ? Tone::doubtful : Tone::plain},
               {age_at(agent, "last_seen", look.now)},
               {text_at(agent, "version")},
               {words_of(list_at(agent, "tags"))},
               {host_figure(agent, "cores", "")},
               {host_figure(agent, "load_percent", " %")},
               {host_figure(agent, "free_memory_mb", " MB")},
               {host_figure(agent, "free_disk_mb", " MB")},
               {reason_of(agent)}});
  }
  return table.text(look);
}

Result<int> agents_command(Context& context) {
  return show_list(context, "/api/v1/agents",
                   {"agents", "name", agents_text, {"last_seen", "host"}});
}

}  // namespace docket::cli
