// The database through the programs: refusals at the start, copies of a live one, a hundred
// thousand waiting jobs, a migration that is killed.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "master/store/inspect.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The sqlite3 command on a database; its output.
std::string query(const std::string& database, const std::string& commands,
                  const std::string& folder) {
  const Ended ended = run("/usr/bin/sqlite3", {"-bail", database, commands}, folder);
  REQUIRE_MESSAGE(ended.status == 0, ended.err);
  return ended.out;
}

std::vector<std::string> master_arguments(const std::string& data) {
  return {"--jobe-listen",     "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--agents-listen",
          "tcp://127.0.0.1:0", "--data",      data,           "--plain-link"};
}

// Waiting jobs of 1.5 kB, as asynchronous clients leave them.
constexpr const char* kManyJobs = R"sql(
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
  INSERT INTO jobs (id, state, async, language, client_job, cputime_s, received_ms, finished_ms,
    http_status, outcome, agent, attempts, files, api_key, idempotency_key, fingerprint, run_spec)
  SELECT '01m8' || printf('%022d', i), 1, 1, 'python3', 'q' || i, 5,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000, 0, 0, 0, '', '[]', '[]', '', '', '',
    CAST('{"run_spec":{"language_id":"python3","sourcecode":"print(' || i || ')' ||
      substr(hex(zeroblob(700)), 1, 1400) || '"}}' AS BLOB) FROM n;
)sql";

// Starts a master that must refuse; its one line.
std::string refusal(const std::string& data, const std::string& folder) {
  const Ended ended = run("docket-master", master_arguments(data), folder);
  CHECK(ended.status == 1);
  CHECK(ended.out.empty());
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  CHECK(ended.err.find(data + "/docket.db") != std::string::npos);
  return ended.err;
}

}  // namespace

TEST_SUITE("e2e store") {
  TEST_CASE("a database that is not sound: one line, exit status 1, every byte left") {
    Cluster cluster;
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address());
    agent->wait_ready();
    for (int i = 0; i < 60; ++i) {
      CHECK(cluster.run("python3", std::string(2'000, '#')).status == 200);
    }
    const std::string data = cluster.folder() + "/master";
    cluster.master().signal(SIGTERM);
    REQUIRE(cluster.master().wait_exit(20'000) == 0);
    CHECK_FALSE(fs::exists(data + "/docket.db-wal"));
    const std::string whole = content_of(data + "/docket.db");

    std::string damaged = whole;
    damaged.replace(whole.size() / 2, 9'000, 9'000, '\xa5');
    std::ofstream(data + "/docket.db", std::ios::binary) << damaged;
    const std::string line = refusal(data, cluster.folder());
    CHECK(line.find("docket backup") != std::string::npos);
    CHECK(content_of(data + "/docket.db") == damaged);
    // What the line says helps: the rows outside the damage come back.
    const auto at = line.find("sqlite3 /");
    REQUIRE(at != std::string::npos);
    std::string command = line.substr(at, line.find("NEW.db") + 6 - at);
    const std::string rescued = cluster.folder() + "/rescued";
    fs::create_directory(rescued);
    command.replace(command.find("NEW.db"), 6, rescued + "/docket.db");
    // Copied from the line as it stands there.
    CHECK(run("/bin/sh", {"-c", command}, cluster.folder()).status == 0);
    Process again("docket-master", master_arguments(rescued), cluster.folder());
    const auto facts = again.wait_ready();
    const auto jobs = http("GET", "http://" + facts.at("ops") + "/api/v1/jobs?limit=1000").json();
    MESSAGE("of 60 jobs " << jobs["jobs"].size() << " were recovered");
    CHECK(jobs["jobs"].size() > 20);

    std::ofstream(data + "/docket.db", std::ios::binary) << whole;
    query(data + "/docket.db", "PRAGMA user_version=99", cluster.folder());
    const std::string later = content_of(data + "/docket.db");
    CHECK(refusal(data, cluster.folder()).find("upgrade docket-master") != std::string::npos);
    CHECK(content_of(data + "/docket.db") == later);
  }

  TEST_CASE("a killed master without its log is refused; with it, every run is there") {
    Cluster cluster;
    std::vector<std::string> ids;
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address());
    agent->wait_ready();
    for (int i = 0; i < 20; ++i) ids.push_back(cluster.submit("python3", "print(1)"));
    cluster.master().kill_now();
    const std::string data = cluster.folder() + "/master";
    fs::rename(data + "/docket.db-wal", cluster.folder() + "/kept");
    CHECK(refusal(data, cluster.folder()).find("docket.db-wal is gone") != std::string::npos);
    fs::remove(data + "/docket.db-wal");
    fs::rename(cluster.folder() + "/kept", data + "/docket.db-wal");
    cluster.restart_master();
    for (const auto& id : ids) {
      CHECK(eventually(30'000, [&] { return cluster.result(id).status == 200; }));
    }
  }

  TEST_CASE("docket backup while runs come in: all that was acknowledged before is in it") {
    Cluster cluster;
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2"});
    agent->wait_ready();
    std::vector<std::string> before;
    std::atomic<bool> enough = false;
    std::atomic<int> during = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 1'500; ++i) before.push_back(cluster.submit("python3", "print(1)"));
    for (int c = 0; c < 3; ++c) {
      clients.emplace_back([&] {
        while (!enough) during += cluster.run("python3", "print(2)").status == 200 ? 1 : 0;
      });
    }
    CHECK(eventually(30'000, [&] { return during > 30; }));
    const Ended made = cluster.docket({"backup", "before-exam.db"});
    const int after = during;
    CHECK(eventually(30'000, [&] { return during > after; }));
    const Ended twice = cluster.docket({"backup", "before-exam.db"});
    const Ended path = cluster.docket({"backup", "../docket.db"});
    const Ended timed = cluster.docket({"backup", "-o", "json"});
    enough = true;
    for (auto& client : clients) client.join();

    REQUIRE_MESSAGE(made.status == 0, made.err);
    const std::string copy = cluster.folder() + "/master/backups/before-exam.db";
    CHECK(made.out == copy + "\n");
    CHECK((fs::status(copy).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(twice.status == 6);
    CHECK(twice.err.find("already") != std::string::npos);
    CHECK(path.status == 2);
    CHECK(nlohmann::json::parse(timed.out)["jobs"].get<int>() >= 1'500);
    CHECK(query(copy, "PRAGMA integrity_check", cluster.folder()) == "ok\n");

    const std::string fresh = cluster.folder() + "/fresh";
    fs::create_directory(fresh);
    fs::copy_file(copy, fresh + "/docket.db");
    Process second("docket-master", master_arguments(fresh), cluster.folder());
    const auto facts = second.wait_ready();
    int found = 0;
    for (const auto& id : before) {
      const Reply reply =
          http("GET", "http://" + facts.at("jobe") + "/jobe/index.php/restapi/runresults/" + id);
      found += reply.status == 200 || reply.status == 204 ? 1 : 0;
    }
    CHECK(found == 1'500);
  }

  TEST_CASE("100,000 waiting jobs are back and served after a start (times printed)") {
    Cluster cluster;
    const std::string data = cluster.folder() + "/master";
    cluster.master().signal(SIGTERM);
    REQUIRE(cluster.master().wait_exit(20'000) == 0);
    query(data + "/docket.db", kManyJobs, cluster.folder());
    const auto began = Clock::now();
    Process master("docket-master", master_arguments(data), cluster.folder());
    const auto facts = master.wait_ready();
    const double ready = seconds_since(began);
    const std::string ops = "http://" + facts.at("ops");
    const auto status = http("GET", ops + "/api/v1/status").json();
    const double answered = seconds_since(began);
    CHECK(status["queued"] == 100'000);
    StubSandbox sandbox({});
    Process agent(
        "docket-agent",
        {"--plain-link", "--master", facts.at("agents"), "--jobe", "http://" + sandbox.address(),
         "--name", "lab-1", "--slots", "4", "--data", cluster.folder() + "/agent"},
        cluster.folder());
    agent.wait_ready();
    // The oldest are served first, with what their clients sent.
    const std::string first = "http://" + facts.at("jobe") +
                              "/jobe/index.php/restapi/runresults/01m80000000000000000000001";
    CHECK(eventually(60'000, [&] { return http("GET", first).status == 200; }));
    MESSAGE("100,000 jobs, " << (fs::file_size(data + "/docket.db") >> 20) << " MB: ready after "
                             << ready << " s, status after " << answered
                             << " s, the first result after " << seconds_since(began)
                             << " s (with the agent's start)");
    CHECK(sandbox.runs() > 0);
  }

  TEST_CASE("a migration that is killed, again and again, ends with every row") {
    Folder folder;
    const std::string data = folder.path() + "/master";
    fs::create_directory(data);
    const std::string database = data + "/docket.db";
    // Layout 1 as the first version made it, with 60,000 jobs that have ended.
    query(database, R"sql(
      PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;
      CREATE TABLE jobs (id TEXT PRIMARY KEY NOT NULL, state INTEGER NOT NULL,
        async INTEGER NOT NULL, language TEXT NOT NULL, client_job TEXT NOT NULL,
        cputime_s INTEGER NOT NULL, received_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,
        http_status INTEGER NOT NULL, outcome INTEGER NOT NULL, agent TEXT NOT NULL,
        attempts TEXT NOT NULL, files TEXT NOT NULL, run_spec BLOB NOT NULL, result BLOB);
      CREATE INDEX jobs_live ON jobs (id) WHERE state <= 2;
      CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE state > 2;
      CREATE TABLE agents (name TEXT PRIMARY KEY NOT NULL, slots INTEGER NOT NULL,
        weight_percent INTEGER NOT NULL, languages TEXT NOT NULL);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
      INSERT INTO jobs SELECT '01m8' || printf('%022d', i), 3, 1, 'c', '', 5,
        CAST(strftime('%s', 'now') AS INTEGER) * 1000,
        CAST(strftime('%s', 'now') AS INTEGER) * 1000,
        200, 15, 'lab-1', '[]', '[]', randomblob(1500), x'7b7d' FROM n;
      PRAGMA user_version=1;)sql",
          folder.path());
    const std::string sum = "SELECT count(*), sum(length(run_spec)), min(id), max(id) FROM jobs";
    const std::string rows = query(database, sum, folder.path());
    int killed = 0;
    for (int wait_ms = 60; wait_ms < 1'000; wait_ms += 60) {
      Process master("docket-master", master_arguments(data), folder.path());
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
      killed += master.out().empty() ? 1 : 0;
      master.kill_now();
      const int layout = std::stoi(query(database, "PRAGMA user_version", folder.path()));
      CHECK((1 <= layout && layout <= docket::store::kNewestLayout));
      const std::string keys =
          query(database, "SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'api_key'",
                folder.path());
      CHECK(keys == (layout == 1 ? "0\n" : "1\n"));
      CHECK(query(database, sum, folder.path()) == rows);
    }
    CHECK(killed > 0);
    Process master("docket-master", master_arguments(data), folder.path());
    master.wait_ready(120'000);
    CHECK(query(database, sum, folder.path()) == rows);
    CHECK(query(database, "PRAGMA user_version; PRAGMA integrity_check", folder.path()) ==
          std::to_string(docket::store::kNewestLayout) + "\nok\n");
  }
}
