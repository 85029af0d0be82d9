#include "master/http/api/views.h"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "master/http/api/php_value.h"
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
  ordered_json view = {{"id", job.id.text()},
                       {"state", state_name(job.state)},
                       {"language", job.language},
                       {"outcome", if_known(job.outcome != 0, job.outcome)},
                       {"outcome_name", outcome_name(static_cast<int>(job.outcome))},
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
  if (job.http_status == 400) view["outcome_name"] = "refused by the sandbox";
  return view;
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

// Of the hosts that are out by their own fault, the first.
std::string first_trouble(const Snapshot& snapshot) {
  for (const auto& agent : snapshot.agents) {
    if (agent.state == AgentState::quarantined || agent.state == AgentState::probing) {
      return " " + agent.name + " is quarantined: " + agent.reason + ".";
    }
    if (agent.state == AgentState::active && !agent.shortage.empty()) {
      return " " + agent.name + " is " + agent.shortage + ".";
    }
  }
  return {};
}

}  // namespace

std::string status_json(const Snapshot& snapshot, const Build& build) {
  std::size_t live = 0;
  for (const auto& agent : snapshot.agents) {
    const bool takes = agent.state == AgentState::active && agent.shortage.empty();
    live += takes && !agent.languages.empty() ? 1 : 0;
  }
  std::string summary;
  const bool all = live == snapshot.agents.size();
  const bool well = snapshot.accepting && live > 0 && all;
  if (!snapshot.accepting) {
    summary = "Not accepting runs: " + snapshot.problem + ".";
  } else if (snapshot.agents.empty()) {
    summary = "No agent has joined yet.";
  } else if (live == 0) {
    summary = "No sandbox can take work.";
  } else if (!all) {
    summary = std::to_string(live) + " of " + std::to_string(snapshot.agents.size()) +
              " sandboxes take work.";
  } else {
    summary = live == 1 ? "The one sandbox takes work."
                        : "All " + std::to_string(live) + " sandboxes take work.";
  }
  if (snapshot.accepting && !all) summary += first_trouble(snapshot);
  return dump({{"version", build.version},
               {"started", rfc3339(build.started)},
               {"time", rfc3339(snapshot.taken)},
               {"well", well},
               {"summary", summary},
               {"accepting", snapshot.accepting},
               {"queued", snapshot.queued},
               {"queued_bytes", snapshot.queued_bytes},
               {"oldest_wait_ms", snapshot.oldest_wait_ms},
               {"running", snapshot.running},
               {"slots", snapshot.slots},
               {"done_per_minute", snapshot.done_last_minute},
               {"submitted", snapshot.submitted},
               {"finished", snapshot.finished},
               {"late_results", snapshot.late_results},
               {"refused", snapshot.refused},
               {"last_refused", time_or_null(snapshot.last_refused)},
               {"last_refusal", snapshot.last_refusal},
               {"expired", snapshot.expired},
               {"refused_peers", snapshot.refused_peers},
               {"agents", snapshot.agents.size()},
               {"agents_taking_work", live},
               {"languages", languages_of(snapshot.languages)}});
}

namespace {

ordered_json host_of(const std::optional<HostReport>& host) {
  if (!host) return nullptr;
  return {{"cores", host->cores},
          {"load_percent", host->load_percent},
          {"free_memory_mb", host->free_memory_mb},
          {"free_disk_mb", host->free_disk_mb}};
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
                    {"host", host_of(agent.host)},
                    {"finished", agent.finished},
                    {"host_faults", agent.host_faults},
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
  return dump({{"encrypted", encrypted},
               {"address", address},
               {"public_key", if_known(encrypted, public_key)},
               {"fingerprint", if_known(encrypted, fingerprint_of(public_key))},
               {"refused_peers", snapshot.refused_peers},
               {"awaiting", awaiting}});
}

std::string jobs_json(const std::vector<Job>& jobs, WallMs now) {
  ordered_json list = ordered_json::array();
  for (const auto& job : jobs) list.push_back(job_of(job, now));
  return dump({{"jobs", list}});
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

std::string job_json(const Job& job, WallMs now) {
  ordered_json view = job_of(job, now);
  view["cputime_s"] = job.cputime_s;
  view["files"] = job.files;
  view["timeline"] = ordered_json::array();
  for (const auto& attempt : job.attempts) view["timeline"].push_back(attempt_of(attempt));
  const ordered_json request = parsed_or_text(job.run_spec);
  view["run_spec"] =
      request.is_object() && request.contains("run_spec") ? request["run_spec"] : request;
  view["result"] = parsed_or_text(job.result);
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
