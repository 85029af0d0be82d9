// The watchdog under real faults: it is fed while the disk hangs, and not while the loop does. The
// faults are made from outside, by the library that tests/e2e/faults preloads.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <thread>

#include "tests/e2e/cluster.h"
#include "tests/e2e/service_manager.h"

using namespace docket::e2e;
using docket::test::ServiceManager;

namespace {

constexpr int kHangMs = 30'000;   // the bound of what is waited for here
constexpr int kHoldMs = 120'000;  // a call that is held outlasts all that is waited for meanwhile

std::vector<std::string> watched(const ServiceManager& manager) {
  return {"NOTIFY_SOCKET=" + manager.path(), "WATCHDOG_USEC=600000"};
}

// And the call that fits `step` takes kHoldMs; `mark` appears when it has begun.
std::vector<std::string> held_at(const ServiceManager& manager, const std::string& step,
                                 const std::string& mark) {
  std::vector<std::string> environment = watched(manager);
  environment.push_back("LD_PRELOAD=" + program("libdocket-faults.so"));
  environment.push_back("DOCKET_FAULT_STEPS=" + step);
  environment.push_back("DOCKET_FAULT_HOLD_MS=" + std::to_string(kHoldMs));
  environment.push_back("DOCKET_FAULT_MARK=" + mark);
  return environment;
}

std::vector<std::string> master_options(const std::string& folder) {
  return {"--jobe-listen",
          "127.0.0.1:0",
          "--ops-listen",
          "127.0.0.1:0",
          "--agents-listen",
          "tcp://127.0.0.1:0",
          "--plain-link",
          "--data",
          folder + "/master",
          "--drain",
          "5"};
}

bool appears(const std::string& path) {
  return eventually(kHangMs, [&] { return std::filesystem::exists(path); });
}

bool fed(ServiceManager& manager, int times) {
  for (int i = 0; i < times; ++i) {
    if (!manager.next_with("WATCHDOG=1", kHangMs)) return false;
  }
  return true;
}

}  // namespace

TEST_SUITE_BEGIN("e2e watchdog");

TEST_CASE("a master says when it is ready, that it turns while idle, and that it stops") {
  const Folder folder;
  ServiceManager manager(folder.path() + "/notify");
  Process master("docket-master", master_options(folder.path()), folder.path(), watched(manager));
  const auto first = manager.next_with("READY=1", kHangMs);
  REQUIRE(first);
  CHECK(first->starts_with("READY=1\nSTATUS=Jobe API on 127.0.0.1:"));
  CHECK(manager.next(kHangMs) == "WATCHDOG=1\nSTATUS=0 runs waiting, 0 running on 0 slots");
  CHECK(fed(manager, 3));
  master.signal(SIGTERM);
  const auto last = manager.next_with("STOPPING=1", kHangMs);
  REQUIRE(last);
  CHECK(last->find("EXTEND_TIMEOUT_USEC=35000000") != std::string::npos);
  CHECK(master.wait_exit(kHangMs) == 0);
}

TEST_CASE("an agent is ready without a master, and turns") {
  const Folder folder;
  ServiceManager manager(folder.path() + "/notify");
  Process agent("docket-agent",
                {"--plain-link", "--master", "tcp://127.0.0.1:1", "--jobe", "http://127.0.0.1:1",
                 "--name", "lab-1", "--data", folder.path() + "/agent"},
                folder.path(), watched(manager));
  CHECK(manager.next(kHangMs) == "READY=1\nSTATUS=dials 127.0.0.1:1");
  CHECK(manager.next(kHangMs) ==
        "WATCHDOG=1\nSTATUS=no master has welcomed it yet; 0 runs under way");
  CHECK(fed(manager, 3));
  agent.signal(SIGTERM);
  CHECK(manager.next_with("STOPPING=1", kHangMs));
  CHECK(agent.wait_exit(kHangMs) == 0);
}

// A key is what a master without agents can be told to write.
TEST_CASE("a disk that hangs starves no watchdog: the master lives on and says what is wrong") {
  const Folder folder;
  ServiceManager manager(folder.path() + "/notify");
  const std::string mark = folder.path() + "/mark";
  Process master("docket-master", master_options(folder.path()), folder.path(),
                 held_at(manager, "before sqlite3_step INSERT OR REPLACE INTO api_keys*", mark));
  const auto facts = master.wait_ready();
  const std::string api = "http://" + facts.at("ops") + "/api/v1";
  const std::string key = R"({"name":"moodle","secret":")" + std::string(32, 's') + "\"}";
  Reply made;
  std::thread client(
      [&] { made = http("POST", api + "/keys", key, {"Content-Type: application/json"}); });
  const bool hangs = appears(mark);
  manager.drop_all();  // sent before
  const bool alive = hangs && fed(manager, 5);
  const auto told =
      alive ? manager.next_with("refuses runs: the disk has not finished", kHangMs) : std::nullopt;
  const long page = http("GET", api + "/status").status;
  master.kill_now();
  client.join();
  CHECK_MESSAGE(hangs, made.status << " " << made.body);
  CHECK(alive);
  REQUIRE(told);
  CHECK(told->starts_with("WATCHDOG=1\n"));
  CHECK(page == 200);
  CHECK(made.status == 0);  // nobody was told of a key that is not on disk
}

TEST_CASE("a master's loop that hangs stops feeding the watchdog") {
  const Folder folder;
  ServiceManager manager(folder.path() + "/notify");
  const std::string mark = folder.path() + "/mark";
  Process master("docket-master", master_options(folder.path()), folder.path(),
                 held_at(manager, "after zmq_msg_recv Hello", mark));
  const auto facts = master.wait_ready();
  REQUIRE(fed(manager, 2));
  Process agent("docket-agent",
                {"--plain-link", "--master", facts.at("agents"), "--jobe", "http://127.0.0.1:1",
                 "--name", "lab-1", "--data", folder.path() + "/agent"},
                folder.path());
  REQUIRE(appears(mark));
  manager.drop_all();  // sent before
  CHECK_FALSE(manager.next(3'000));
  CHECK(master.alive());
  // Its other threads are well: alone the loop's counts.
  CHECK(http("GET", "http://" + facts.at("ops") + "/api/v1/status").status == 200);
}

TEST_CASE("an agent's loop that hangs stops feeding the watchdog") {
  Cluster cluster;
  ServiceManager manager(cluster.folder() + "/notify");
  const std::string mark = cluster.folder() + "/mark";
  Process agent("docket-agent",
                {"--plain-link", "--master", cluster.agents_url(), "--jobe", "http://127.0.0.1:1",
                 "--name", "lab-1", "--data", cluster.folder() + "/agent"},
                cluster.folder(), held_at(manager, "after zmq_msg_recv Welcome", mark));
  REQUIRE(appears(mark));
  manager.drop_all();  // sent before
  CHECK_FALSE(manager.next(3'000));
  CHECK(agent.alive());
}

TEST_SUITE_END();
