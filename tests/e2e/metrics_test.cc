// What a cluster tells those who watch it: metrics that equal what was done, readiness, the last
// hour, logs that are moved away, settings that are read again.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/cluster.h"
#include "tests/unit/metrics_reader.h"

using namespace docket::e2e;
using docket::test::MetricsReader;
using nlohmann::json;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

MetricsReader metrics(const Cluster& cluster) {
  const Reply reply = http("GET", cluster.ops("/metrics"));
  REQUIRE(reply.status == 200);
  CHECK(reply.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  return MetricsReader(reply.body);
}

// Debian has it in the package prometheus; scripts/deps test fetches it.
std::string promtool() {
  const std::string fetched = std::string(DOCKET_SOURCE_DIR) + "/build/tools/promtool";
  if (std::filesystem::exists(fetched)) return fetched;
  return std::filesystem::exists("/usr/bin/promtool") ? "/usr/bin/promtool" : "";
}

}  // namespace

TEST_SUITE("e2e metrics") {
  TEST_CASE("metrics equal what was submitted, and promtool has nothing to say") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    cluster.add_host("lab-2", 1);
    for (int i = 0; i < 5; ++i) REQUIRE(cluster.run("python3", "print(1)").status == 200);
    for (int i = 0; i < 2; ++i) REQUIRE(cluster.run("c", "int main(").status == 200);
    REQUIRE(cluster.run("python3", "1/0").json()["outcome"] == 12);
    const std::string id = cluster.submit("python3", "print(2)");
    REQUIRE(http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=30"}).status == 200);
    REQUIRE(cluster.run("cobol", "STOP RUN.").status == 400);
    REQUIRE(http("PUT", cluster.jobe("files/abcdefgh"), R"({"file_contents":"eA=="})").status ==
            204);
    // The snapshot is a moment behind the answers.
    REQUIRE(eventually(10'000, [&] { return cluster.status()["finished"] == 9; }));

    const MetricsReader read = metrics(cluster);
    CHECK(read.value("docket_jobs_submitted_total", R"({language="python3"})") == 7);
    CHECK(read.value("docket_jobs_submitted_total", R"({language="c"})") == 2);
    for (const char* name : {"docket_job_wait_seconds", "docket_job_run_seconds"}) {
      CAPTURE(name);
      CHECK(read.value(name, R"(_count{language="python3",outcome="ok"})") == 6);
      CHECK(read.value(name, R"(_count{language="python3",outcome="runtime_error"})") == 1);
      CHECK(read.value(name, R"(_count{language="c",outcome="compile_error"})") == 2);
    }
    CHECK(read.value("docket_job_run_seconds", R"(_sum{language="python3",outcome="ok"})") > 0);
    CHECK(read.value("docket_jobs_ended_total", R"({state="done"})") == 9);
    CHECK(read.value("docket_attempts_total", R"({ending="ran"})") == 9);
    CHECK(read.value("docket_agent_answers_total", R"({agent="lab-1"})") +
              read.value("docket_agent_answers_total", R"({agent="lab-2"})") ==
          9);
    CHECK(read.value("docket_agents", R"({state="active"})") == 2);
    CHECK(read.value("docket_slots") == 3);
    CHECK(read.value("docket_slots_busy") == 0);
    CHECK(read.value("docket_accepting") == 1);
    CHECK(read.value("docket_files") == 1);
    CHECK(read.value("docket_journal_commit_rows", "_sum") >= 9);
    CHECK(read.value("docket_journal_commit_seconds", "_count") ==
          read.value("docket_journal_commit_rows", "_count"));
    CHECK(read.value("docket_database_bytes") > 0);
    const auto answers = [&](const std::string& method, const std::string& route, int status) {
      return read.value("docket_http_requests_total", R"({listener="jobe",method=")" + method +
                                                          R"(",route=")" + route + R"(",status=")" +
                                                          std::to_string(status) + "\"}");
    };
    CHECK(answers("POST", "/runs", 200) == 8);
    CHECK(answers("POST", "/runs", 202) == 1);
    CHECK(answers("POST", "/runs", 400) == 1);
    CHECK(answers("GET", "/runresults/{id}", 200) == 1);
    CHECK(answers("PUT", "/files/{alnum}", 204) == 1);

    if (promtool().empty()) {
      MESSAGE("promtool is not here: see scripts/deps test");
      return;
    }
    const std::string told = cluster.folder() + "/metrics.txt";
    std::ofstream(told) << http("GET", cluster.ops("/metrics")).body;
    const Ended checked =
        run("/bin/sh", {"-c", promtool() + " check metrics < " + told}, cluster.folder());
    CHECK_MESSAGE(checked.status == 0, checked.out << checked.err);
    const std::string rules = std::string(DOCKET_SOURCE_DIR) + "/docs/monitoring/alerts.yml";
    const Ended ruled = run(promtool(), {"check", "rules", rules}, cluster.folder());
    CHECK_MESSAGE(ruled.status == 0, ruled.out << ruled.err);
    const std::string played = std::string(DOCKET_SOURCE_DIR) + "/tests/e2e/alerts_test.yml";
    const Ended tested = run(promtool(), {"test", "rules", played}, cluster.folder());
    CHECK_MESSAGE(tested.status == 0, tested.out << tested.err);
  }

  TEST_CASE("ready is a master that somebody works for; alive is any") {
    Cluster cluster;
    const auto ready = [&] { return http("GET", cluster.ops("/readyz")); };
    CHECK(ready().status == 503);
    CHECK(ready().body == "no agent has joined yet\n");
    CHECK(http("GET", cluster.ops("/healthz")).status == 200);
    cluster.add_host("lab-1", 1);
    CHECK(eventually(10'000, [&] { return ready().status == 200; }));
    cluster.agent_process("lab-1").signal(SIGTERM);
    CHECK(eventually(20'000, [&] { return ready().status == 503; }));
    CHECK(ready().body == "no sandbox can take work\n");
    CHECK(http("GET", cluster.ops("/healthz")).status == 200);
    CHECK(eventually(10'000,
                     [&] { return metrics(cluster).value("docket_agents_taking_work") == 0; }));
  }

  TEST_CASE("the last hour has what happened, and the cards their percentiles") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    CHECK(cluster.status()["wait_p95_seconds"] == nullptr);
    for (int i = 0; i < 3; ++i) REQUIRE(cluster.run("python3", "print(1)").status == 200);
    REQUIRE(eventually(10'000, [&] { return cluster.status()["finished"] == 3; }));
    CHECK(cluster.status()["done_per_minute"] == 3);
    CHECK(cluster.status()["failed_per_minute"] == 0);
    CHECK(cluster.status()["wait_p95_seconds"].get<double>() >= 0);
    CHECK(cluster.status()["run_p95_seconds"].get<double>() > 0);
    const auto known = [&](const std::string& name) {
      const json history = http("GET", cluster.ops("/api/v1/history")).json();
      CHECK(history.at("series").at(name).size() == 360);
      std::vector<double> values;
      for (const auto& value : history["series"][name]) {
        if (!value.is_null()) values.push_back(value);
      }
      return values;
    };
    const auto sum = [&](const std::string& name) {
      double all = 0;
      for (const double value : known(name)) all += value;
      return all;
    };
    REQUIRE(eventually(60'000, [&] { return sum("done") == 3; }));
    CHECK(sum("arrived") == 3);
    CHECK(sum("failed") == 0);
    CHECK(known("slots").back() == 2);
    CHECK(known("oldest_wait_seconds").back() == 0);
    // Another reader sees the same hour; a new master knows nothing of it.
    CHECK(http("GET", cluster.ops("/api/v1/history")).json()["step_seconds"] == 10);
    cluster.restart_master();
    CHECK(known("done").empty());
  }

  TEST_CASE("a log that is moved away, JSON, and CodeRunner's number in a job's lines") {
    const Folder folder;
    const std::string path = folder.path() + "/master.log";
    Cluster cluster({"--log-file", path, "--log-format", "json", "--log-level", "debug"});
    cluster.add_host("lab-1", 1);
    const auto run_as = [&](const std::string& number) {
      const Reply reply = http("POST", cluster.jobe("runs"), run_body("python3", "print(1)"),
                               {"X-CodeRunner-Job-Id: " + number});
      REQUIRE(reply.status == 200);
      return reply.json()["run_id"].get<std::string>();
    };
    const std::string first = run_as("1a2b3c4d");
    std::vector<std::string> states;
    std::istringstream lines(text_of(path));
    for (std::string line; std::getline(lines, line);) {
      const json entry = json::parse(line);
      CHECK(entry.at("program") == "docket-master");
      if (entry.value("job", "") != first) continue;
      CHECK(entry.at("client_job") == "1a2b3c4d");
      states.push_back(entry.at("state"));
      if (states.back() == "done") CHECK(entry.at("agent") == "lab-1");
      if (states.back() == "done") CHECK(entry.at("outcome") == 15);
    }
    CHECK(states == std::vector<std::string>{"queued", "running", "done"});

    std::filesystem::rename(path, path + ".old");
    cluster.master().signal(SIGHUP);
    REQUIRE(eventually(10'000, [&] { return holds(text_of(path), "\"reload\":\"done\""); }));
    const std::string second = run_as("ffffffff");
    CHECK(holds(text_of(path), second));
    CHECK_FALSE(holds(text_of(path + ".old"), second));
    CHECK(cluster.master().err().empty());
  }

  TEST_CASE("SIGHUP takes over what can change, names what cannot, and refuses what is wrong") {
    const Folder folder;
    const std::string config = folder.path() + "/master.toml";
    std::ofstream(config) << "queue-jobs = 1\n";
    Cluster cluster({"--config", config});
    const auto submit = [&] {
      return http("POST", cluster.jobe("runs"), run_body("python3", "print(1)"),
                  {"Prefer: respond-async"})
          .status;
    };
    // A language is known from the first agent on; while nobody takes work, runs wait.
    cluster.add_host("lab-1", 1);
    REQUIRE(cluster.docket({"agents", "cordon", "lab-1", "--reason", "a test"}).status == 0);
    CHECK(submit() == 202);
    CHECK(submit() == 503);
    const auto sighup = [&](const std::string& expected) {
      cluster.master().signal(SIGHUP);
      const bool said = eventually(10'000, [&] { return holds(cluster.master().err(), expected); });
      CHECK_MESSAGE(said, cluster.master().err());
    };
    std::ofstream(config) << "queue-jobs = 2\nhttp-threads = 4\n";
    sighup("reload=done applied=\"queue-jobs\" kept=\"http-threads\"");
    CHECK(submit() == 202);
    CHECK(submit() == 503);
    CHECK(eventually(10'000, [&] { return metrics(cluster).value("docket_queue_max_jobs") == 2; }));
    std::ofstream(config) << "queue-jobs = 9\npin = [\"python3\"]\n";
    sighup("reload=refused reason=\"pin: 'python3' is not LANGUAGE=HOST,HOST\"");
    CHECK(submit() == 503);
    std::ofstream(config) << "queue-jobs = 3\nlog-level = \"debug\"\n";
    sighup("reload=done applied=\"log-level, queue-jobs\"");
    CHECK(submit() == 202);
    CHECK(eventually(10'000, [&] { return holds(cluster.master().err(), "state=queued"); }));
    // What waits is run under the new settings as under the old.
    REQUIRE(cluster.docket({"agents", "resume", "lab-1"}).status == 0);
    CHECK(eventually(30'000, [&] { return cluster.status()["finished"] == 3; }));

    Process& agent = cluster.agent_process("lab-1");
    agent.signal(SIGHUP);
    CHECK(eventually(10'000, [&] { return holds(agent.err(), "reload=done applied=\"\""); }));
    CHECK(agent.alive());
  }
}
