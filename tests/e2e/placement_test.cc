// Which host runs what, with real agents: tags that a key requires, a language pinned to hosts, a
// disk that fills and is emptied, an agent that comes while jobs wait; and what `docket jobs why`
// says of it.
#include <doctest/doctest.h>
#include <signal.h>

#include "tests/e2e/small_disk.h"

using namespace docket::e2e;

namespace {

std::string why(const Cluster& cluster, const std::string& id) {
  const Ended told = cluster.docket({"jobs", "why", id});
  CHECK(told.status == 0);
  CHECK(told.err == "");
  return told.out;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("e2e placement") {
  TEST_CASE("a key's runs go to the hosts with its tag, and a pinned language to its own") {
    Cluster cluster({"--pin", "c=plain"});
    const Sandbox first = cluster.start_sandbox(2);
    const Sandbox second = cluster.start_sandbox(2);
    const auto plain = cluster.start_agent("plain", first.address, {"--slots", "2"});
    plain->wait_ready();
    const Ended made = cluster.docket({"keys", "create", "exams", "--require-tag", "exam"});
    REQUIRE(made.status == 0);
    const std::string key = "X-API-KEY: " + made.out.substr(0, made.out.find('\n'));
    const Reply accepted = http("POST", cluster.jobe("runs"), run_body("python3", "print(1)"),
                                {key, "Prefer: respond-async"});
    REQUIRE(accepted.status == 202);
    const std::string id = accepted.json().get<std::string>();
    const std::string told = why(cluster, id);
    CHECK(holds(told, "No host can run it: see what each lacks."));
    CHECK(holds(told, "lacks a tag that the key requires: exam"));

    const auto tagged =
        cluster.start_agent("tagged", second.address, {"--slots", "2", "--tag", "exam"});
    tagged->wait_ready();
    const Reply result =
        http("GET", cluster.jobe("runresults/" + id), "", {key, "Prefer: wait=30"});
    REQUIRE(result.status == 200);  // put to work at once
    CHECK(result.json()["stdout"] == "1\n");
    CHECK(cluster.job(id)["agent"] == "tagged");

    // C is pinned to a host without the tag.
    const Reply nowhere =
        http("POST", cluster.jobe("runs"), run_body("c", "int main(void) { return 0; }"),
             {key, "Prefer: respond-async"});
    REQUIRE(nowhere.status == 202);
    const std::string whole = why(cluster, nowhere.json().get<std::string>());
    CHECK(holds(whole, "c is pinned to plain"));
    CHECK(holds(whole, "lacks a tag that the key requires: exam"));
  }

  TEST_CASE("a host whose disk is full takes nothing until it is emptied, and says so") {
    Cluster cluster({"--host-disk-mb", "8"});
    const SmallDisk disk(16);
    const Sandbox sandbox = cluster.start_sandbox(1);
    disk.fill(4u << 20);
    const auto agent = cluster.start_agent("lab-1", sandbox.address,
                                           {"--slots", "1", "--sandbox-folder", disk.path()});
    agent->wait_ready();
    const std::string short_of = "short of disk: 4 MB free, a run may need 8";
    REQUIRE(eventually(10'000, [&] { return cluster.agent("lab-1")["shortage"] == short_of; }));
    CHECK(cluster.agent("lab-1")["host"]["free_disk_mb"] == 4);
    CHECK(cluster.status()["well"] == false);
    CHECK(holds(cluster.status()["summary"].get<std::string>(), short_of));
    const std::string id = cluster.submit("python3", "print(3)");
    CHECK(holds(why(cluster, id), short_of));
    CHECK(cluster.job(id)["state"] == "queued");
    disk.free();
    const Reply result = http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=30"});
    REQUIRE(result.status == 200);
    CHECK(result.json()["stdout"] == "3\n");
    CHECK(cluster.agent("lab-1")["shortage"] == "");
    CHECK(holds(why(cluster, id), "It ended with ok on lab-1."));
  }

  TEST_CASE("an agent that comes while jobs wait is put to work at once") {
    Cluster cluster;
    // A language that no agent has ever had would be refused.
    const Sandbox sandbox = cluster.start_sandbox(1);
    const auto past = cluster.start_agent("past", sandbox.address, {"--slots", "1"});
    past->wait_ready();
    past->signal(SIGTERM);
    REQUIRE(past->wait_exit(10'000) == 0);
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i) {
      ids.push_back(cluster.submit("python3", "print(" + std::to_string(i) + ")"));
    }
    CHECK(holds(why(cluster, ids[3]), "No host that could run it takes work just now."));
    cluster.add_host("lab-1", 1);
    for (int i = 0; i < 4; ++i) {
      const Reply result =
          http("GET", cluster.jobe("runresults/" + ids[i]), "", {"Prefer: wait=30"});
      REQUIRE(result.status == 200);
      CHECK(result.json()["stdout"] == std::to_string(i) + "\n");
    }
  }
}
