#include "master/http/api/views.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "master/http/api/php_value.h"
#include "protocol/base/check.h"
#include "protocol/base/link_key.h"

namespace docket::http {
namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

template <class T>
ordered_json if_known(bool known, const T& value) {
  return known ? ordered_json(value) : ordered_json();
}

template <class T>
ordered_json value_or_null(const std::optional<T>& value) {
  return if_known(value.has_value(), value.value_or(0));
}

ordered_json time_or_null(WallMs time) {
  return if_known(time != 0, rfc3339(time));
}

ordered_json languages_of(const std::vector<Language>& languages) {
  ordered_json list = ordered_json::array();
  for (const auto& language : languages) {
    list.push_back({{"id", language.id}, {"version", language.version}});
  }
  return list;
}

ordered_json attempt_of(const Attempt& attempt) {
  return {{"number", attempt.number},
          {"agent", attempt.agent},
          {"language_version", attempt.language_version},
          {"assigned", time_or_null(attempt.assigned)},
          {"ended", time_or_null(attempt.ended)},
          {"ending", ending_name(attempt.ending)},
          {"http_status", attempt.http_status},
          {"outcome", attempt.outcome},
          {"push_ms", attempt.push_ms},
          {"run_ms", attempt.run_ms},
          {"detail", attempt.detail},
          {"late_answer", time_or_null(attempt.late_answer)}};
}

ordered_json job_of(const Job& job, WallMs now) {
  const Attempt* last = job.attempts.empty() ? nullptr : &job.attempts.back();
  const WallMs first = job.attempts.empty() ? 0 : job.attempts.front().assigned;
  const WallMs waited_until = first != 0 ? first : job.finished != 0 ? job.finished : now;
  return {{"id", job.id.text()},
          {"state", state_name(job.state)},
          {"language", job.language},
          {"outcome", if_known(job.outcome != 0, job.outcome)},
          {"outcome_name", outcome_words(job)},
          {"http_status", if_known(job.http_status != 0, job.http_status)},
          {"agent", last == nullptr ? ordered_json() : ordered_json(last->agent)},
          {"attempts", job.attempts.size()},
          {"asynchronous", job.asynchronous},
          {"key", job.key},
          {"client_job", job.client_job},
          {"received", rfc3339(job.received)},
          {"finished", time_or_null(job.finished)},
          {"waited_ms", waited_until - job.received},
          {"run_ms", last == nullptr ? ordered_json() : ordered_json(last->run_ms)}};
}

ordered_json parsed_or_text(const Bytes& bytes) {
  if (!bytes) return nullptr;
  auto parsed = ordered_json::parse(*bytes, nullptr, false);
  return parsed.is_discarded() ? ordered_json(*bytes) : parsed;
}

}  // namespace

std::string json_text(std::string_view text) {
  return php::with_separators_escaped(dump(ordered_json(text)));
}

std::string outcome_words(const Job& job) {
  return job.http_status == 400 ? "refused by the sandbox"
                                : outcome_name(static_cast<int>(job.outcome));
}

std::string rfc3339(WallMs time) {
  const std::time_t seconds = static_cast<std::time_t>(time / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(time % 1000));
  return text;
}

namespace {

bool is_out_sick(const AgentView& agent) {
  return agent.state == AgentState::quarantined || agent.state == AgentState::probing;
}

// Of the hosts that are out by their own fault, how many, and what ails the first.
std::string trouble_of(const Snapshot& snapshot) {
  const auto& agents = snapshot.agents;
  const auto sick = std::ranges::count_if(agents, is_out_sick);
  if (sick > 0) {
    const auto first = std::ranges::find_if(agents, is_out_sick);
    const std::string others = sick == 1 ? "" : " So are " + std::to_string(sick - 1) + " more.";
    return " " + first->name + " is quarantined: " + first->reason + "." + others;
  }
  for (const auto& agent : agents) {
    if (agent.state == AgentState::active && !agent.shortage.empty()) {
      return " " + agent.name + " is " + agent.shortage + ".";
    }
  }
  return {};
}

}  // namespace

std::string_view level_name(Light::Level level) {
  switch (level) {
    case Light::Level::good:
      return "good";
    case Light::Level::attention:
      return "attention";
    case Light::Level::bad:
      return "bad";
  }
  return "unknown";
}

Light light_of(const Snapshot& snapshot) {
  Light light;
  const auto all = snapshot.agents.size();
  light.takes_work =
      static_cast<std::size_t>(std::ranges::count_if(snapshot.agents, &AgentView::takes_runs));
  if (!snapshot.accepting) {
    light.summary = "Not accepting runs: " + snapshot.problem + ".";
  } else if (all == 0) {
    light.summary = "No agent has joined yet.";
  } else if (light.takes_work == 0) {
    light.summary = "No sandbox can take work.";
  } else if (light.takes_work < all) {
    light.summary =
        std::to_string(light.takes_work) + " of " + std::to_string(all) + " sandboxes take work.";
  } else {
    light.summary = all == 1 ? "The one sandbox takes work."
                             : "All " + std::to_string(all) + " sandboxes take work.";
  }
  if (snapshot.accepting && light.takes_work < all) light.summary += trouble_of(snapshot);
  light.level = !snapshot.accepting || light.takes_work == 0 ? Light::Level::bad
                : light.takes_work < all                     ? Light::Level::attention
                                                             : Light::Level::good;
  return light;
}

std::string status_json(const Snapshot& snapshot, const Build& build) {
  const Light light = light_of(snapshot);
  return dump({{"version", build.version},
               {"started", rfc3339(build.started)},
               {"time", rfc3339(snapshot.taken)},
               {"well", light.level == Light::Level::good},
               {"summary", light.summary},
               {"accepting", snapshot.accepting},
               {"queued", snapshot.queued},
               {"queued_bytes", snapshot.queued_bytes},
               {"oldest_wait_ms", snapshot.oldest_wait_ms},
               {"running", snapshot.running},
               {"slots", snapshot.slots},
               {"done_per_minute", snapshot.recent.done},
               {"failed_per_minute", snapshot.recent.failed},
               {"wait_p95_seconds", value_or_null(snapshot.recent.wait_p95_s)},
               {"run_p95_seconds", value_or_null(snapshot.recent.run_p95_s)},
               {"submitted", snapshot.submitted},
               {"finished", snapshot.finished},
               {"late_results", snapshot.late_results},
               {"refused", snapshot.refused},
               {"last_refused", time_or_null(snapshot.last_refused)},
               {"last_refusal", snapshot.last_refusal},
               {"expired", snapshot.expired},
               {"refused_peers", snapshot.refused_peers},
               {"agents", snapshot.agents.size()},
               {"agents_taking_work", light.takes_work},
               {"languages", languages_of(snapshot.languages)}});
}

std::string history_json(const Snapshot& snapshot) {
  CHECK_THAT(snapshot.history != nullptr);
  const History& history = *snapshot.history;
  const auto series = [&](auto value) {
    ordered_json list = ordered_json::array();
    for (const HistoryStep& step : history.steps) list.push_back(if_known(step.known, value(step)));
    return list;
  };
  return dump({{"step_seconds", History::kStepMs / 1000},
               {"until", rfc3339(history.until)},
               {"series",
                {{"arrived", series([](const auto& step) { return step.arrived; })},
                 {"done", series([](const auto& step) { return step.done; })},
                 {"failed", series([](const auto& step) { return step.failed; })},
                 {"waiting", series([](const auto& step) { return step.at_end.waiting; })},
                 {"busy", series([](const auto& step) { return step.at_end.busy; })},
                 {"slots", series([](const auto& step) { return step.at_end.slots; })},
                 {"oldest_wait_seconds", series([](const auto& step) {
                    return static_cast<double>(step.at_end.oldest_wait_ms) / 1e3;
                  })}}}});
}

std::string why_not_ready(const Snapshot& snapshot) {
  if (!snapshot.accepting) return snapshot.problem;
  if (snapshot.agents.empty()) return "no agent has joined yet";
  const bool any = std::any_of(snapshot.agents.begin(), snapshot.agents.end(),
                               [](const AgentView& agent) { return agent.takes_runs(); });
  return any ? "" : "no sandbox can take work";
}

namespace {

ordered_json host_of(const AgentView& agent) {
  const auto& host = agent.host;
  if (!host) return nullptr;
  return {{"cores", host->cores},
          {"load_percent", host->load_percent},
          {"free_memory_mb", host->free_memory_mb},
          {"free_disk_mb", host->free_disk_mb},
          {"clock_offset_ms", value_or_null(agent.clock_offset_ms)}};
}

ordered_json test_of(const std::optional<AgentTest>& test) {
  if (!test) return nullptr;
  ordered_json languages = ordered_json::array();
  for (const auto& part : test->parts) {
    languages.push_back({{"id", part.language.id},
                         {"version", part.language.version},
                         {"result", test_result_name(part.result)},
                         {"problem", part.problem}});
  }
  return {{"began", rfc3339(test->began)}, {"ended", test->ended()}, {"languages", languages}};
}

}  // namespace

std::string agents_json(const Snapshot& snapshot) {
  ordered_json list = ordered_json::array();
  for (const auto& agent : snapshot.agents) {
    list.push_back({{"name", agent.name},
                    {"state", agent_state_name(agent.state)},
                    {"reason", agent.reason},
                    {"degraded", agent.degraded},
                    {"shortage", agent.shortage},
                    {"since", time_or_null(agent.since)},
                    {"last_seen", time_or_null(agent.last_heard)},
                    {"running", agent.running},
                    {"slots", agent.slots},
                    {"weight", agent.weight_percent / 100.0},
                    {"languages", languages_of(agent.languages)},
                    {"tags", agent.tags},
                    {"host", host_of(agent)},
                    {"finished", agent.finished},
                    {"host_faults", agent.host_faults},
                    {"test", test_of(agent.test)},
                    {"version", agent.version}});
  }
  return dump({{"agents", list}});
}

std::string link_json(const Snapshot& snapshot, const std::string& public_key,
                      const std::string& address) {
  const bool encrypted = !public_key.empty();
  ordered_json awaiting = ordered_json::array();
  for (const auto& agent : snapshot.awaiting) {
    awaiting.push_back({{"name", agent.name},
                        {"fingerprint", agent.fingerprint},
                        {"since", rfc3339(agent.since)}});
  }
  ordered_json tokens = ordered_json::array();
  for (const auto& token : snapshot.join_tokens) {
    tokens.push_back({{"id", token.id.substr(0, kTokenIdShown)},
                      {"expires", rfc3339(token.expires)},
                      {"uses", token.uses},
                      {"approve", token.approve},
                      {"tags", token.tags}});
  }
  return dump({{"encrypted", encrypted},
               {"address", address},
               {"public_key", if_known(encrypted, public_key)},
               {"fingerprint", if_known(encrypted, fingerprint_of(public_key))},
               {"refused_peers", snapshot.refused_peers},
               {"awaiting", awaiting},
               {"tokens", tokens}});
}

std::string jobs_json(const JobPage& page, WallMs now) {
  ordered_json list = ordered_json::array();
  for (const auto& job : page.jobs) list.push_back(job_of(job, now));
  ordered_json next;
  if (page.next) next = page.next->text();
  return dump({{"jobs", list}, {"next", next}});
}

std::string files_json(const FileUse& use, const std::vector<FileEntry>& files) {
  ordered_json list = ordered_json::array();
  for (const auto& file : files) {
    list.push_back({{"id", file.id},
                    {"bytes", file.bytes},
                    {"used", rfc3339(file.used)},
                    {"needed", file.held}});
  }
  return dump({{"count", use.files},
               {"bytes", use.bytes},
               {"needed_bytes", use.held_bytes},
               {"max_bytes", use.max_bytes},
               {"files", list}});
}

std::string keys_json(const ApiKeys& keys) {
  std::map<std::string, ordered_json> by_name;
  for (const auto& [hash, key] : keys) {
    by_name[key.name] = {{"name", key.name},
                         {"hourly_rate", key.hourly_rate},
                         {"max_queued", key.max_queued},
                         {"weight", key.weight},
                         {"priority", priority_name(key.priority)},
                         {"may_async", key.may_async},
                         {"require_tags", key.tags},
                         {"created", rfc3339(key.created)}};
  }
  ordered_json list = ordered_json::array();
  for (auto& [name, key] : by_name) list.push_back(std::move(key));
  return dump({{"keys", list}});
}

std::string backup_json(const BackupMade& made) {
  return dump({{"path", made.path}, {"bytes", made.bytes}, {"jobs", made.jobs}});
}

std::string job_json(const Job& job, WallMs now, bool source) {
  ordered_json view = job_of(job, now);
  view["cputime_s"] = job.cputime_s;
  view["files"] = job.files;
  view["timeline"] = ordered_json::array();
  for (const auto& attempt : job.attempts) view["timeline"].push_back(attempt_of(attempt));
  const bool purged = is_purged(job);
  const bool shown = source && !purged;
  const ordered_json request = shown ? parsed_or_text(job.run_spec) : ordered_json();
  view["bodies"] = purged ? "purged" : shown ? "shown" : "withheld";
  view["run_spec"] =
      request.is_object() && request.contains("run_spec") ? request["run_spec"] : request;
  view["result"] = shown ? parsed_or_text(job.result) : ordered_json();
  return dump(view);
}

std::string why_json(const Why& why) {
  const bool waits = why.state == JobState::queued;
  ordered_json view = {
      {"id", why.job.text()},
      {"state", state_name(why.state)},
      {"language", why.language},
      {"key", why.key},
      {"summary", why.summary},
      {"priority", if_known(waits, priority_name(why.priority))},
      {"retry_in_ms", if_known(why.retry_in_ms.has_value(), why.retry_in_ms.value_or(0))},
      {"gives_up_in_ms", if_known(why.gives_up_in_ms.has_value(), why.gives_up_in_ms.value_or(0))},
      {"ahead", ordered_json::array()},
      {"hosts", ordered_json::array()},
      {"history", why.history}};
  for (const auto& ahead : why.ahead) {
    view["ahead"].push_back(
        {{"key", ahead.key}, {"jobs", ahead.jobs}, {"by_priority", ahead.by_priority}});
  }
  for (const auto& host : why.hosts) {
    view["hosts"].push_back({{"name", host.name},
                             {"state", agent_state_name(host.state)},
                             {"since", time_or_null(host.since)},
                             {"obstacle", obstacle_name(host.obstacle)},
                             {"reason", host.reason}});
  }
  return dump(view);
}

}  // namespace docket::http
