#include "master/http/api/pages.h"

#include <algorithm>
#include <utility>

#include "master/http/api/views.h"
#include "protocol/base/percent.h"
#include "web/template.h"

namespace docket::http {
namespace {

using web::html_text;

// The last unit that is whole: where nothing counts on, more would only look exact.
std::string words_for(std::int64_t ms) {
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}, {1'000, " s"}};
  for (const auto& [size, unit] : kUnits) {
    if (ms >= size) return std::to_string(ms / size) + unit;
  }
  return std::to_string(std::max<std::int64_t>(0, ms)) + " ms";
}

std::string ago(WallMs then, WallMs now) {
  return then == 0 ? "never" : words_for(now - then) + " ago";
}

// One row of a table; the cells' words become text. The scripts make the same of the same data.
class Row {
 public:
  Row& head(std::string_view label, std::string_view kind, const std::string& html) {
    text_ += "<th role=\"rowheader\" scope=\"row\"" + facts(label, kind) + html + "</th>";
    return *this;
  }
  Row& cell(std::string_view label, std::string_view kind, std::string_view words) {
    return html_cell(label, kind, html_text(words));
  }
  Row& html_cell(std::string_view label, std::string_view kind, const std::string& html) {
    text_ += "<td role=\"cell\"" + facts(label, kind) + html + "</td>";
    return *this;
  }
  std::string html() const { return "<tr role=\"row\">" + text_ + "</tr>\n"; }

 private:
  static std::string facts(std::string_view label, std::string_view kind) {
    return " class=\"" + std::string(kind) + "\" data-label=\"" + std::string(label) + "\">";
  }

  std::string text_;
};

std::string dotted(std::string_view word, std::string_view kind) {
  return "<span class=\"dotted " + std::string(kind) + "-" + std::string(word) + "\">" +
         std::string(word) + "</span>";
}

std::string languages_words(const std::vector<Language>& languages) {
  std::string words;
  for (const auto& language : languages) {
    words += (words.empty() ? "" : ", ") + language.id + " " + language.version;
  }
  return words.empty() ? "none" : words;
}

// Its clock less the master's, in seconds.
std::string clock_words(const AgentView& agent) {
  if (!agent.clock_offset_ms) return "–";
  const std::int64_t seconds = *agent.clock_offset_ms / 1'000;
  return (seconds > 0 ? "+" : "") + std::to_string(seconds) + " s";
}

std::string agent_row(const AgentView& agent, WallMs now) {
  const std::string reason = !agent.reason.empty()     ? agent.reason
                             : !agent.degraded.empty() ? "degraded: " + agent.degraded
                                                       : agent.shortage;
  const std::string lasts = agent.since == 0 ? "" : " for " + words_for(now - agent.since);
  return Row()
      .head("Name", "name", html_text(agent.name))
      .html_cell(
          "State", "state wide",
          dotted(agent_state_name(agent.state), "agent") + lasts +
              (reason.empty() ? "" : "<div class=\"reason\">" + html_text(reason) + "</div>"))
      .cell("Running", "load", std::to_string(agent.running) + " / " + std::to_string(agent.slots))
      .cell("Languages", "languages wide", languages_words(agent.languages))
      .cell("Finished", "number", std::to_string(agent.finished))
      .cell("Host faults", "number", std::to_string(agent.host_faults))
      .cell("Clock", "number", clock_words(agent))
      .cell("Last seen", "number", ago(agent.last_heard, now))
      .cell("Version", "", agent.version)
      .html();
}

std::string job_row(const Job& job, WallMs now) {
  const std::string id = job.id.text();
  const Attempt* last = job.attempts.empty() ? nullptr : &job.attempts.back();
  const bool told = job.finished != 0 && job.state != JobState::cancelled;
  const WallMs first = job.attempts.empty() ? 0 : job.attempts.front().assigned;
  const WallMs until = first != 0 ? first : job.finished != 0 ? job.finished : now;
  return Row()
      .head(
          "Run", "run",
          "<a href=\"jobs/" + id + "\" title=\"" + id + "\">…" + id.substr(id.size() - 8) + "</a>")
      .html_cell("State", "state", dotted(state_name(job.state), "state"))
      .cell("Language", "", job.language)
      .cell("Outcome", "", told ? outcome_words(job) : "–")
      .cell("Agent", "agent", last == nullptr ? "–" : last->agent)
      .cell("Key", "key", job.key.empty() ? "–" : job.key)
      .cell("Attempts", "number", std::to_string(job.attempts.size()))
      .cell("Waited", "number", words_for(until - job.received))
      .cell("Run time", "number", told && last != nullptr ? words_for(last->run_ms) : "–")
      .cell("Received", "number", ago(job.received, now))
      .html();
}

std::string job_rows(const std::vector<Job>& jobs, WallMs now) {
  std::string rows;
  for (const Job& job : jobs) rows += job_row(job, now);
  return rows;
}

// "jobs?state=failed&cursor=…"
std::string address_of_next(const QueryFields& asked, const JobId& next) {
  std::string address = "jobs?";
  for (const auto& [name, value] : asked) {
    if (name == "cursor" || value.empty()) continue;
    address += percent_encoded(name) + "=" + percent_encoded(value) + "&";
  }
  return address + "cursor=" + next.text();
}

std::string asked_words(const QueryFields& asked) {
  std::string words;
  for (const auto& [name, value] : asked) {
    if (name == "cursor" || value.empty()) continue;
    words += (words.empty() ? "" : ", ") + name + " " + value;
  }
  return words;
}

}  // namespace

std::string overview_page(std::string_view page, const Snapshot& snapshot,
                          const std::vector<Job>& jobs, WallMs now) {
  const Light light = light_of(snapshot);
  std::string agents;
  for (const auto& agent : snapshot.agents) agents += agent_row(agent, now);
  return web::filled(page, {{"level", std::string(level_name(light.level))},
                            {"summary", html_text(light.summary)},
                            {"agents", agents},
                            {"jobs", job_rows(jobs, now)}});
}

std::string jobs_page(std::string_view page, const QueryFields& asked, const Result<JobPage>& found,
                      WallMs now) {
  web::Values values = {{"asked", html_text(asked_words(asked))}, {"jobs", ""}, {"next", ""}};
  if (!found) {
    values["asked"] = html_text(found.error().message);
  } else {
    values["jobs"] = job_rows(found->jobs, now);
    if (found->next) {
      values["next"] = "<a id=\"next\" rel=\"next\" href=\"" +
                       html_text(address_of_next(asked, *found->next)) + "\">Older jobs</a>";
    }
  }
  return web::filled(page, values);
}

}  // namespace docket::http
