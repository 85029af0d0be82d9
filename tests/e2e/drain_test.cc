// Hosts taken out and back under load: drain, resume, cordon, by command and over a kill -9.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;

namespace {

std::string state_of(const Cluster& cluster, const std::string& agent) {
  return cluster.agent(agent)["state"].get<std::string>();
}

}  // namespace

TEST_SUITE("e2e drain") {
  TEST_CASE("three hosts are drained, restarted and resumed under load: no run fails") {
    Cluster cluster;
    std::vector<Sandbox> sandboxes;
    std::map<std::string, std::unique_ptr<Process>> agents;
    const std::vector<std::string> names = {"lab-1", "lab-2", "lab-3"};
    for (const auto& name : names) {
      sandboxes.push_back(cluster.start_sandbox(2));
      agents[name] = cluster.start_agent(name, sandboxes.back().address, {"--slots", "1"});
      agents[name]->wait_ready();
    }
    std::atomic<bool> stop = false;
    std::atomic<int> right = 0;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        const std::string body = run_body("python3", "print('fine')");
        while (!stop) {
          const Reply reply = http("POST", cluster.jobe("runs"), body);
          const bool fine = reply.status == 200 && reply.body.find("fine") != std::string::npos;
          ++(fine ? right : wrong);
        }
      });
    }
    // Twice as many answers as clients: no more than one of each was asked for before.
    const auto goes_on = [&] {
      const int enough = right + 2 * static_cast<int>(clients.size());
      return eventually(60'000, [&] { return right >= enough || wrong > 0; });
    };
    const auto answered = [&](const std::string& name) {
      return cluster.agent(name)["finished"].get<std::uint64_t>();
    };
    for (std::size_t i = 0; i < names.size(); ++i) {
      CHECK(goes_on());
      const auto drained =
          cluster.docket({"agents", "drain", names[i], "--reason", "kernel upgrade"});
      CHECK(drained.status == 0);
      CHECK(drained.err.find("drained") != std::string::npos);
      CHECK(cluster.agent(names[i])["running"] == 0);
      const auto before = answered(names[i]);
      CHECK(goes_on());
      CHECK(answered(names[i]) == before);
      agents[names[i]]->signal(SIGTERM);
      CHECK(agents[names[i]]->wait_exit(10'000) == 0);
      agents[names[i]] = cluster.start_agent(names[i], sandboxes[i].address, {"--slots", "1"});
      agents[names[i]]->wait_ready();
      CHECK(state_of(cluster, names[i]) == "drained");  // until somebody says otherwise
      CHECK(cluster.docket({"agents", "resume", names[i]}).status == 0);
      CHECK(state_of(cluster, names[i]) == "active");
      CHECK(eventually(60'000, [&] { return answered(names[i]) > before || wrong > 0; }));
    }
    stop = true;
    for (auto& client : clients) client.join();
    CHECK(wrong == 0);
  }

  TEST_CASE("a drain with a deadline moves what still runs to another host") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string id = cluster.submit("python3", "import time; time.sleep(4); print('moved')");
    REQUIRE(eventually(10'000, [&] { return cluster.agent("lab-1")["running"] == 1; }));
    cluster.add_host("lab-2", 1);
    const auto drained = cluster.docket(
        {"agents", "drain", "lab-1", "--reason", "move", "--deadline", "0", "--no-wait"});
    CHECK(drained.status == 0);
    const Reply result = http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=30"});
    REQUIRE(result.status == 200);
    CHECK(result.json()["stdout"] == "moved\n");
    const auto timeline = cluster.job(id)["timeline"];
    REQUIRE(timeline.size() == 2);
    CHECK(timeline[0]["ending"] == "evicted");
    CHECK(timeline[1]["agent"] == "lab-2");
    CHECK(eventually(10'000, [&] { return state_of(cluster, "lab-1") == "drained"; }));
  }

  TEST_CASE("a cordon stands over a kill -9 of the master") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.docket({"agents", "cordon", "lab-1", "--reason", "slow disk"}).status == 0);
    cluster.master().kill_now();
    cluster.restart_master();
    REQUIRE(eventually(10'000, [&] { return state_of(cluster, "lab-1") == "cordoned"; }));
    CHECK(cluster.agent("lab-1")["reason"] == "slow disk");
    const std::string id = cluster.submit("python3", "print(1)");
    CHECK(http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=1"}).status == 204);
    CHECK(cluster.docket({"agents", "resume", "lab-1"}).status == 0);
    CHECK(http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=20"}).status == 200);
  }

  TEST_CASE("wrong orders are refused and say why") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const auto post = [&](const std::string& what, const std::string& body,
                          const std::string& type = "application/json") {
      return http("POST", cluster.ops("/api/v1/agents/lab-1/" + what), body,
                  {"Content-Type: " + type});
    };
    CHECK(post("drain", "{}").status == 400);
    CHECK(post("drain", R"({"reason":"a\nb"})").status == 400);
    CHECK(post("drain", R"({"reason":"x","deadline_s":-1})").status == 400);
    CHECK(post("cordon", R"({"reason":"x","deadline_s":1})").status == 400);
    CHECK(post("cordon", R"({"reason":"x"})", "text/plain").status == 415);
    CHECK(http("GET", cluster.ops("/api/v1/agents/lab-1/drain")).status == 405);
    CHECK(state_of(cluster, "lab-1") == "active");
    const auto unknown = cluster.docket({"agents", "drain", "lab-9", "--reason", "x"});
    CHECK(unknown.status == 3);
    CHECK(unknown.err.find("there is no agent named lab-9") != std::string::npos);
    CHECK(cluster.docket({"agents", "drain", "lab-1"}).status == 2);
  }
}
