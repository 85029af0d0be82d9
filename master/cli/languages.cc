// docket languages
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

bool is_there(const Json& agent) {
  const std::string state = text_at(agent, "state");
  return state != "lost" && state != "left";
}

}  // namespace

std::string languages_of_agents(const Json& answer) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> found;
  for (const auto& agent : list_at(answer, "agents")) {
    if (!is_there(agent)) continue;
    for (const auto& language : list_at(agent, "languages")) {
      found[text_at(language, "id")][text_at(language, "version")].push_back(
          text_at(agent, "name"));
    }
  }
  auto list = nlohmann::ordered_json::array();
  for (const auto& [id, versions] : found) {
    auto by_version = nlohmann::ordered_json::array();
    std::size_t agents = 0;
    for (const auto& [version, names] : versions) {
      by_version.push_back({{"version", version}, {"agents", names}});
      agents += names.size();
    }
    list.push_back({{"id", id}, {"agents", agents}, {"versions", std::move(by_version)}});
  }
  return nlohmann::ordered_json{{"languages", std::move(list)}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// A version that not all have is a row of its own.
std::string languages_text(const Json& answer, const Look& look) {
  Table table({{"LANGUAGE"}, {"VERSION"}, {"AGENTS", Align::right}, {"NAMES", Align::left, true}});
  for (const auto& language : list_at(answer, "languages")) {
    const Json& versions = list_at(language, "versions");
    for (const auto& version : versions) {
      const Json& agents = list_at(version, "agents");
      table.add({{text_at(language, "id")},
                 {text_at(version, "version"), versions.size() > 1 ? Tone::doubtful : Tone::plain},
                 {std::to_string(agents.size())},
                 {words_of(agents)}});
    }
  }
  return table.text(look);
}

Result<int> languages_command(Context& context) {
  return show_list(context,
                   [&]() -> Result<std::string> {
                     const auto agents = fetch(context.client, "/api/v1/agents");
                     return agents ? Result<std::string>(languages_of_agents(*agents))
                                   : agents.error();
                   },
                   {"languages", "id", languages_text, {}});
}

}  // namespace docket::cli
