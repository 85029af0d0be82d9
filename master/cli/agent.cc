// docket agents show; names of agents by their starts.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/messages.h"

namespace docket::cli {
namespace {

constexpr const char* kAgents = "/api/v1/agents";

std::string host_text(const Json& agent) {
  if (!known_at(agent, "host")) return "";
  const Json& host = agent["host"];
  const auto count = [&](const char* key) { return std::to_string(number_at(host, key)); };
  return count("cores") + " cores, load " + count("load_percent") + " %, " +
         count("free_memory_mb") + " MB of memory and " + count("free_disk_mb") +
         " MB of disk free";
}

std::string since_text(const Json& agent, WallMs now) {
  const std::string passed = age_at(agent, "since", now);
  return text_at(agent, "state") + (passed.empty() ? "" : " for " + passed);
}

std::string running_there(const Json& agent, const Look& look) {
  Table table({{"RUNNING"}, {"LANGUAGE"}, {"KEY"}, {"TRIES", Align::right}, {"AGE", Align::right}});
  for (const auto& job : list_at(agent, "jobs")) {
    table.add({{text_at(job, "id")},
               {text_at(job, "language")},
               {text_at(job, "key")},
               {std::to_string(number_at(job, "attempts"))},
               {age_at(job, "received", look.now)}});
  }
  return "\n" + table.text(look);
}

}  // namespace

Result<std::string> matching_name(const std::vector<std::string>& names, const std::string& part) {
  std::vector<std::string> found;
  for (const auto& name : names) {
    if (name == part) return name;
    if (name.starts_with(part)) found.push_back(name);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return part;
  std::string message =
      std::to_string(found.size()) + " agents' names begin with " + in_quotes(part) + ":";
  for (const auto& name : found) message += " " + visible(name);
  return Error{ErrorCode::conflict, message};
}

Result<std::string> whole_name(Context& context, const std::string& name) {
  if (!acceptable_agent_name(name)) {
    return Error{ErrorCode::invalid, in_quotes(name) + " is no name of an agent"};
  }
  const auto answer = fetch(context.client, kAgents);
  if (!answer) return answer.error();
  std::vector<std::string> names;
  for (const auto& agent : list_at(*answer, "agents")) names.push_back(text_at(agent, "name"));
  return matching_name(names, name);
}

std::string agent_text(const Json& agent, const Look& look) {
  const std::string state = text_at(agent, "state");
  std::string out = facts_text(
      {{"Agent", {text_at(agent, "name"), Tone::strong}},
       {"State", {since_text(agent, look.now), state == "active" ? Tone::good : Tone::doubtful}},
       {"Reason", {text_at(agent, "reason")}},
       {"Degraded", {text_at(agent, "degraded"), Tone::doubtful}},
       {"Short of", {text_at(agent, "shortage"), Tone::doubtful}},
       {"Last seen", {age_at(agent, "last_seen", look.now) + " ago"}},
       {"Running",
        {std::to_string(number_at(agent, "running")) + " of " +
         std::to_string(number_at(agent, "slots")) + " slots"}},
       {"Answered", {std::to_string(number_at(agent, "finished"))}},
       {"Host's faults", {std::to_string(number_at(agent, "host_faults"))}},
       {"Tags", {words_of(list_at(agent, "tags"))}},
       {"Host", {host_text(agent)}},
       {"Version", {text_at(agent, "version")}}},
      look.colour);
  Table languages({{"LANGUAGE"}, {"VERSION"}});
  for (const auto& language : list_at(agent, "languages")) {
    languages.add({{text_at(language, "id")}, {text_at(language, "version")}});
  }
  out += "\n" + languages.text(look);
  if (!list_at(agent, "jobs").empty()) out += running_there(agent, look);
  return out;
}

Result<int> agent_command(Context& context, const std::string& part) {
  const auto name = whole_name(context, part);
  if (!name) return name.error();
  const auto body = fetch_text(context.client, kAgents);
  if (!body) return body.error();
  const auto jobs = fetch(context.client, "/api/v1/jobs?state=running&limit=1000&agent=" + *name);
  if (!jobs) return jobs.error();
  const auto answer = nlohmann::ordered_json::parse(*body, nullptr, false);
  if (!answer.is_object() || !answer.contains("agents")) {
    return parse_object(context.client, "").error();
  }
  for (nlohmann::ordered_json agent : answer["agents"]) {
    if (agent.value("name", "") != *name) continue;
    agent["jobs"] = list_at(*jobs, "jobs");
    const std::string text =
        agent.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    print(context.as_json()                ? text + "\n"
          : context.format == Format::name ? *name + "\n"
                                           : agent_text(Json::parse(text), context.look()));
    return 0;
  }
  return Error{ErrorCode::not_found, "there is no agent named " + *name};
}

}  // namespace docket::cli
