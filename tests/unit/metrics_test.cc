// /metrics: the format, what it tells, and that the documents speak of what there is.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "master/http/api/exposition.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/metrics.h"
#include "master/http/api/traffic_routes.h"
#include "tests/unit/metrics_reader.h"

using namespace docket;
using namespace docket::http;
using docket::test::MetricFamily;
using docket::test::MetricsReader;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(std::string(DOCKET_SOURCE_DIR) + "/" + path);
  REQUIRE_MESSAGE(file.good(), path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Job ended_job(JobState state, std::uint32_t outcome, std::int64_t waited_ms, std::uint32_t run_ms) {
  Job job;
  job.state = state;
  job.language = "python3";
  job.received = 1'000'000;
  job.outcome = outcome;
  job.http_status = 200;
  Attempt attempt;
  attempt.assigned = job.received + waited_ms;
  attempt.run_ms = run_ms;
  job.attempts.push_back(attempt);
  job.finished = attempt.assigned + run_ms;
  return job;
}

// A master on which everything that can be told has happened.
std::string full_text() {
  Snapshot snapshot;
  snapshot.late_results = 3;
  snapshot.oldest_wait_ms = 1'500;
  AgentView agent;
  agent.name = "lab-1";
  agent.state = AgentState::active;
  agent.languages = {{"python3", "3.11.2"}};
  agent.slots = 4;
  agent.running = 2;
  agent.host = HostReport{4, 75, 5'210, 18'400};
  snapshot.agents = {agent};
  agent.name = "lab-2";
  agent.state = AgentState::quarantined;
  agent.host.reset();
  snapshot.agents.push_back(agent);
  snapshot.counters.of("python3").submitted = 9;
  snapshot.counters.of("python3").waiting = 2;
  snapshot.counters.finished(ended_job(JobState::done, 15, 300, 700));
  snapshot.counters.finished(ended_job(JobState::failed, 20, 90'000, 0));
  snapshot.counters.ended(Ending::ran);
  snapshot.counters.refuse(RefusalReason::key_queue);
  StoreFigures store;
  store.journal.commit_seconds.add(0.004);
  store.journal.commit_rows.add(7);
  store.journal.failed_commits = 1;
  const auto traffic = ops_traffic();
  traffic->answered(traffic->route_of("GET", "/api/v1/jobs/7"), 404, 3);
  return metrics_text(snapshot, {"0.1.0", 1'700'000'000'000}, store, {{"ops", 2, traffic->read()}},
                      ProcessFigures());
}

// The metrics that a query or a rule names, histograms' series as their family.
std::set<std::string> named_in(const std::string& text,
                               const std::map<std::string, MetricFamily>& families) {
  std::set<std::string> names;
  const std::regex pattern(R"(\b(docket|process)_[a-z_]+)");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), pattern);
       at != std::sregex_iterator(); ++at) {
    std::string name = at->str();
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
      const std::string stem = name.substr(0, name.size() - std::min(suffix.size(), name.size()));
      const auto family = families.find(stem);
      if (name.ends_with(suffix) && family != families.end() &&
          family->second.type == "histogram") {
        name = stem;
      }
    }
    names.insert(name);
  }
  return names;
}

}  // namespace

TEST_SUITE("metrics") {
  TEST_CASE("the format: families, labels that nobody can break out of, histograms") {
    Exposition out;
    out.gauge("docket_empty", "Nothing yet.");
    out.counter("docket_runs_total", "Runs.");
    out.sample(3, {{"language", "a\"} 1\n# \\ %\xC3\xA9"}});
    out.sample(std::uint64_t{1} << 40);
    out.histogram("docket_rows", "Rows.");
    Histogram<BatchRows> rows;
    rows.add(1);
    rows.add(2);
    rows.add(1e6);
    out.sample(rows, {{"of", "x"}});
    const std::string text = out.take();
    CHECK(
        text.starts_with("# HELP docket_empty Nothing yet.\n# TYPE docket_empty gauge\n"
                         "# HELP docket_runs_total Runs.\n# TYPE docket_runs_total counter\n"
                         R"(docket_runs_total{language="a%22} 1%0A# %5C %25%C3%A9"} 3)"
                         "\ndocket_runs_total 1099511627776\n"));
    CHECK(text.find("docket_rows_bucket{of=\"x\",le=\"1\"} 1\n") != text.npos);
    CHECK(text.find("docket_rows_bucket{of=\"x\",le=\"2\"} 2\n") != text.npos);
    CHECK(text.find("docket_rows_bucket{of=\"x\",le=\"2000\"} 2\n") != text.npos);
    CHECK(text.find("docket_rows_bucket{of=\"x\",le=\"+Inf\"} 3\n") != text.npos);
    CHECK(text.ends_with("docket_rows_sum{of=\"x\"} 1000003\ndocket_rows_count{of=\"x\"} 3\n"));
    MetricsReader read(text);
    CHECK(read.families().size() == 3);
  }

  TEST_CASE("what was counted is told") {
    const MetricsReader read(full_text());
    CHECK(read.value("docket_jobs_submitted_total", R"({language="python3"})") == 9);
    CHECK(read.value("docket_queue_jobs", R"({language="python3"})") == 2);
    CHECK(read.value("docket_queue_oldest_wait_seconds") == 1.5);
    CHECK(read.value("docket_job_wait_seconds",
                     R"(_bucket{language="python3",outcome="ok",le="0.25"})") == 0);
    CHECK(read.value("docket_job_wait_seconds",
                     R"(_bucket{language="python3",outcome="ok",le="0.5"})") == 1);
    CHECK(read.value("docket_job_wait_seconds", R"(_sum{language="python3",outcome="failed"})") ==
          90);
    CHECK(read.value("docket_job_run_seconds", R"(_sum{language="python3",outcome="ok"})") == 0.7);
    // No answer, so the sandbox's time says nothing.
    CHECK(read.value("docket_job_run_seconds", R"(_count{language="python3",outcome="failed"})") ==
          0);
    CHECK(read.value("docket_attempts_total", R"({ending="ran"})") == 1);
    CHECK(read.value("docket_attempts_total", R"({ending="overdue"})") == 0);
    CHECK(read.value("docket_jobs_ended_total", R"({state="done"})") == 1);
    CHECK(read.value("docket_jobs_ended_total", R"({state="failed"})") == 1);
    CHECK(read.value("docket_jobs_refused_total", R"({reason="key_queue"})") == 1);
    CHECK(read.value("docket_agents", R"({state="active"})") == 1);
    CHECK(read.value("docket_agents", R"({state="quarantined"})") == 1);
    CHECK(read.value("docket_agents_taking_work") == 1);
    CHECK(read.value("docket_agent_load_ratio", R"({agent="lab-1"})") == 0.75);
    CHECK(read.value("docket_journal_commit_rows", "_sum") == 7);
    CHECK(read.value("docket_http_requests_total",
                     R"({listener="ops",method="GET",route="/api/v1/jobs/{id}",status="404"})") ==
          1);
    CHECK(read.value("docket_http_connections", R"({listener="ops"})") == 2);
  }

  TEST_CASE("every route of the tables is counted under its own name, and the rest as one") {
    const auto traffic = ops_traffic();
    const auto route = [&](const char* method, const char* path) {
      const auto before = traffic->read();
      traffic->answered(traffic->route_of(method, path), 200, 1);
      const auto after = traffic->read();
      for (std::size_t i = 0; i < after.size(); ++i) {
        if (after[i].seconds.total() == before[i].seconds.total()) continue;
        return after[i].route.method + " " + after[i].route.path;
      }
      return std::string("none");
    };
    CHECK(route("GET", "/api/v1/status") == "GET /api/v1/status");
    CHECK(route("HEAD", "/api/v1/status") == "GET /api/v1/status");
    CHECK(route("POST", "/api/v1/jobs/01x/cancel") == "POST /api/v1/jobs/{id}/cancel");
    CHECK(route("POST", "/jobe/index.php/restapi/runs") == "POST /runs");
    CHECK(route("GET", "/jobe/restapi/runresults/7/") == "GET /runresults/{id}");
    CHECK(route("GET", "/") == "GET page");
    CHECK(route("POST", "/") == " ");
    CHECK(route("GET", "/etc/passwd") == " ");
    CHECK(route("BREW", "/api/v1/status") == " ");
    CHECK(route("GET", "/jobe/restapi/nosuch") == " ");
    const auto jobe = jobe_traffic();
    CHECK(jobe->read().size() == JobeApi::routes().size() + 1);
    CHECK(jobe->route_of("GET", "/api/v1/status") == JobeApi::routes().size());
  }

  TEST_CASE("languages beyond the bound are counted together") {
    Counters counters;
    for (int i = 0; i < 500; ++i) ++counters.of("language-" + std::to_string(i)).submitted;
    CHECK(counters.languages.size() == Counters::kMostLanguages + 1);
    CHECK(counters.languages.back().language == Counters::kOtherLanguages);
    CHECK(counters.languages.back().submitted == 500 - Counters::kMostLanguages);
    CHECK(counters.of("language-7").submitted == 1);
    CHECK(counters.languages.size() == Counters::kMostLanguages + 1);
  }

  TEST_CASE("each way in which a job can end has its own name") {
    std::set<std::string> names;
    for (const std::uint32_t outcome : {11, 12, 13, 15, 17, 19, 20, 21, 99}) {
      names.insert(std::string(job_end_name(job_end(ended_job(JobState::done, outcome, 0, 0)))));
    }
    for (const JobState state : {JobState::failed, JobState::expired, JobState::cancelled}) {
      names.insert(std::string(job_end_name(job_end(ended_job(state, 21, 0, 0)))));
      CHECK(job_end_name(job_end(ended_job(state, 21, 0, 0))) == state_name(state));
    }
    Job rejected = ended_job(JobState::done, 0, 0, 0);
    rejected.http_status = 400;
    names.insert(std::string(job_end_name(job_end(rejected))));
    CHECK(names.size() == kJobEnds);
    // A clock that was set back does not make a wait negative.
    CHECK(waited_ms(ended_job(JobState::done, 15, -5'000, 0)) == 0);
  }

  TEST_CASE("docs/monitoring.md has each metric with its type and labels, and no other") {
    const MetricsReader read(full_text());
    std::map<std::string, MetricFamily> documented;
    std::istringstream lines(read_file("docs/monitoring.md"));
    const std::regex row(R"(^\| `([a-z_]+)` \| (\w+) \| ([a-z, ]*) ?\| .+ \|$)");
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (!std::regex_match(line, found, row)) continue;
      MetricFamily& family = documented[found[1]];
      family.type = found[2];
      std::istringstream labels(std::regex_replace(found[3].str(), std::regex(","), " "));
      for (std::string label; labels >> label;) family.labels.insert(label);
    }
    for (const auto& [name, family] : read.families()) {
      CAPTURE(name);
      REQUIRE(documented.contains(name));
      CHECK(documented[name].type == family.type);
      CHECK(documented[name].labels == family.labels);
    }
    for (const auto& [name, family] : documented)
      CHECK_MESSAGE(read.families().contains(name), name);
  }

  TEST_CASE("what alerts and dashboard ask for exists") {
    const auto families = MetricsReader(full_text()).families();
    for (const char* path : {"docs/monitoring/alerts.yml", "docs/monitoring/dashboard.json"}) {
      CAPTURE(path);
      const auto names = named_in(read_file(path), families);
      CHECK(names.size() > 10);
      for (const auto& name : names) CHECK_MESSAGE(families.contains(name), name);
    }
    CHECK(named_in("rate(docket_nosuch_total[5m])", families) ==
          std::set<std::string>{"docket_nosuch_total"});
  }

  TEST_CASE("the dashboard is one: panels that do not overlap, each with a query") {
    const auto board = nlohmann::json::parse(read_file("docs/monitoring/dashboard.json"));
    std::set<std::pair<int, int>> taken;
    std::set<int> ids;
    for (const auto& panel : board.at("panels")) {
      CAPTURE(panel.at("title").get<std::string>());
      CHECK(ids.insert(panel.at("id").get<int>()).second);
      CHECK_FALSE(panel.at("targets").empty());
      for (const auto& target : panel["targets"]) CHECK_FALSE(target.at("expr").empty());
      const auto& at = panel.at("gridPos");
      CHECK(at.at("x").get<int>() + at.at("w").get<int>() <= 24);
      for (int x = at["x"]; x < at["x"].get<int>() + at["w"].get<int>(); ++x) {
        for (int y = at["y"]; y < at["y"].get<int>() + at["h"].get<int>(); ++y) {
          CHECK(taken.emplace(x, y).second);
        }
      }
    }
  }
}
