// docket status
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {

std::string status_text(const Json& status, const Look& look) {
  const auto count = [&](const char* key) { return std::to_string(number_at(status, key)); };
  const bool well = true_at(status, "well");
  std::string queued = count("queued");
  if (number_at(status, "queued") > 0) {
    queued += ", the oldest for " + duration(number_at(status, "oldest_wait_ms"));
  }
  std::string languages;
  for (const auto& language : list_at(status, "languages")) {
    if (!languages.empty()) languages += ", ";
    languages += text_at(language, "id");
    const std::string version = text_at(language, "version");
    if (!version.empty()) languages += " " + version;
  }
  std::string refused;
  if (number_at(status, "refused") > 0) {
    refused = count("refused") + ", the last " + age_at(status, "last_refused", look.now) +
              " ago: " + text_at(status, "last_refusal");
  }
  std::string expired;
  if (number_at(status, "expired") > 0) expired = count("expired") + ", having waited too long";
  const std::string started = age_at(status, "started", look.now);
  std::string master = text_at(status, "version");
  if (!started.empty()) master += ", started " + started + " ago";
  return toned(visible(text_at(status, "summary")), well ? Tone::good : Tone::doubtful,
               look.colour) +
         "\n\n" +
         facts_text(
             {{"Queued", {queued}},
              {"Running", {count("running") + " of " + count("slots") + " slots"}},
              {"Done", {count("done_per_minute") + " in the last minute"}},
              {"Refused", {refused, Tone::doubtful}},
              {"Expired", {expired, Tone::doubtful}},
              {"Agents", {count("agents_taking_work") + " of " + count("agents") + " take work"}},
              {"Languages", {languages.empty() ? "none" : languages}},
              {"Master", {master}}},
             look.colour);
}

Result<int> status_command(Context& context) {
  return show(context, "/api/v1/status", status_text);
}

}  // namespace docket::cli
