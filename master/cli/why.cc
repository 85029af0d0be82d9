// docket jobs why
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

std::string in_time(const Json& why, const char* key) {
  return known_at(why, key) ? "in " + duration(number_at(why, key)) : std::string();
}

std::string ahead_text(const Json& why, const Look& look) {
  Table table({{"BEFORE IT", Align::right}, {"KEY"}, {"BECAUSE"}});
  for (const auto& ahead : list_at(why, "ahead")) {
    const std::string key = text_at(ahead, "key");
    const bool own = key == text_at(why, "key");
    table.add({{std::to_string(number_at(ahead, "jobs"))},
               {key.empty() ? "(none)" : key},
               {true_at(ahead, "by_priority") ? "its priority is higher by now"
                : own                         ? "the same key's, and came before"
                                              : "that key's turn comes before"}});
  }
  return "\n" + table.text(look);
}

std::string hosts_text(const Json& why, const Look& look) {
  Table table({{"HOST"}, {"STATE"}, {"SINCE", Align::right}, {"WHY NOT THERE"}});
  for (const auto& host : list_at(why, "hosts")) {
    table.add({{text_at(host, "name")},
               {text_at(host, "state")},
               {age_at(host, "since", look.now)},
               {text_at(host, "reason")}});
  }
  return "\n" + table.text(look);
}

}  // namespace

std::string why_text(const Json& why, const Look& look) {
  std::string out = visible(text_at(why, "summary")) + "\n\n";
  out += facts_text({{"Run", {text_at(why, "id"), Tone::strong}},
                     {"State", {text_at(why, "state")}},
                     {"Language", {text_at(why, "language")}},
                     {"Key", {text_at(why, "key")}},
                     {"Priority", {text_at(why, "priority")}},
                     {"Tried again", {in_time(why, "retry_in_ms")}},
                     {"Gives up", {in_time(why, "gives_up_in_ms")}}},
                    look.colour);
  if (!list_at(why, "ahead").empty()) out += ahead_text(why, look);
  if (!list_at(why, "hosts").empty()) out += hosts_text(why, look);
  const Json& history = list_at(why, "history");
  if (!history.empty()) out += "\n";
  for (const auto& line : history) {
    if (line.is_string()) out += visible(line.get<std::string>()) + "\n";
  }
  return out;
}

Result<int> why_command(Context& context, const std::string& id) {
  const auto whole = whole_id(context, id);
  return whole ? show(context, "/api/v1/jobs/" + *whole + "/why", why_text, "id") : whole.error();
}

}  // namespace docket::cli
