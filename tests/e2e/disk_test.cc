// Disks that are full or refuse writes, real ones: a small file system of the test's own, which
// nobody else sees, and files that the kernel keeps from being written.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "tests/e2e/cluster.h"
#include "tests/e2e/small_disk.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;

namespace {

namespace fs = std::filesystem;

// Keeps a file from being written, also through descriptors that are open, or lets it.
void set_immutable(const std::string& path, bool on) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  int flags = 0;
  int failed = ::ioctl(fd, FS_IOC_GETFLAGS, &flags);
  flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  failed = failed != 0 ? failed : ::ioctl(fd, FS_IOC_SETFLAGS, &flags);
  const std::string why = std::strerror(errno);
  ::close(fd);
  REQUIRE_MESSAGE(failed == 0, "the file system of " << path << " knows no chattr +i: " << why);
}

// Clients that submit 20 kB runs, asynchronous and synchronous, and note what they were told.
class Crowd {
 public:
  explicit Crowd(Cluster& cluster) : cluster_(cluster) {
    for (int i = 0; i < 4; ++i) clients_.emplace_back([this, i] { submit(i); });
  }
  // Where a test has failed the disk may still be full, and clients held until the master goes.
  ~Crowd() {
    if (!clients_.empty()) cluster_.master().kill_now();
    stop();
  }
  void stop() {
    enough_ = true;
    for (auto& client : clients_) client.join();
    clients_.clear();
  }
  std::vector<std::string> acknowledged() {
    std::lock_guard lock(mutex_);
    return ids_;
  }
  int refused() const { return refused_; }
  int odd() const { return odd_; }

 private:
  void submit(int number) {
    const bool asynchronous = number > 0;
    const std::string body = run_body("python3", std::string(20'000, '#'));
    while (!enough_) {
      const Reply reply = http("POST", cluster_.jobe("runs"), body,
                               asynchronous ? std::vector<std::string>{"Prefer: respond-async"}
                                            : std::vector<std::string>{});
      if (reply.status == (asynchronous ? 202 : 200)) {
        const auto json = reply.json();
        std::lock_guard lock(mutex_);
        ids_.push_back(asynchronous ? json.get<std::string>() : json["run_id"].get<std::string>());
      } else if (reply.status == 503) {
        ++refused_;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      } else if (reply.status != 0) {
        ++odd_;
      }
    }
  }

  Cluster& cluster_;
  std::atomic<bool> enough_ = false;
  std::atomic<int> refused_ = 0;
  std::atomic<int> odd_ = 0;  // neither taken nor refused
  std::mutex mutex_;
  std::vector<std::string> ids_;  // guarded by mutex_
  std::vector<std::thread> clients_;
};

// The red light, wherever one looks.
void check_red(const Cluster& cluster, const std::string& reason) {
  REQUIRE(eventually(60'000, [&] { return !cluster.status()["accepting"].get<bool>(); }));
  const auto status = cluster.status();
  CHECK_FALSE(status["well"].get<bool>());
  const std::string summary = status["summary"];
  CHECK_MESSAGE(summary.find(reason) != std::string::npos, summary);
  const Reply ready = http("GET", cluster.ops("/readyz"));
  CHECK(ready.status == 503);
  CHECK(ready.body.find(reason) != std::string::npos);
  CHECK(http("GET", cluster.ops("/healthz")).status == 200);
  const std::string body = run_body("python3", "print(1)");
  for (const auto& headers :
       {std::vector<std::string>{}, std::vector<std::string>{"Prefer: respond-async"}}) {
    const Reply refused = http("POST", cluster.jobe("runs"), body, headers);
    CHECK(refused.status == 503);
    CHECK(refused.headers.contains("retry-after"));
    CHECK(refused.body.find("cannot save") != std::string::npos);
  }
}

// What the kernel says that the process has in memory, and had at most.
std::string memory_of(const Process& process) {
  std::ifstream status("/proc/" + std::to_string(process.pid()) + "/status");
  std::string words;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS") || line.starts_with("VmHWM")) words += line + "; ";
  }
  REQUIRE_FALSE(words.empty());
  return words;
}

// Cuts off what a commit that failed has left at the log's end, which the next could write over
// without needing room.
void cut_unfinished(const std::string& wal) {
  std::ifstream file(wal, std::ios::binary);
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t kHeader = 32;
  constexpr std::size_t kFrame = 24 + 4'096;
  std::size_t whole = kHeader;
  for (std::size_t at = kHeader; at + kFrame <= log.size(); at += kFrame) {
    if (log.compare(at + 8, 8, log, 16, 8) != 0) break;                          // of another time
    if (log.compare(at + 4, 4, std::string(4, '\0')) != 0) whole = at + kFrame;  // ends a commit
  }
  REQUIRE(whole > kHeader);
  fs::resize_file(wal, whole);
}

std::size_t answered(const Cluster& cluster, const std::vector<std::string>& ids) {
  std::size_t count = 0;
  for (const auto& id : ids) {
    count += eventually(120'000, [&] { return cluster.result(id).status == 200; }) ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_SUITE("e2e disk") {
  TEST_CASE("full: refused with a red light; room again: all that was taken is answered") {
    SmallDisk disk(24);
    disk.fill(12 << 20);
    Cluster cluster({"--data", disk.path()});
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2"});
    agent->wait_ready();
    const std::string memory_before = memory_of(cluster.master());
    Crowd crowd(cluster);
    check_red(cluster, "full");  // by now each of the crowd is held, or refused again and again
    const Ended backup = cluster.docket({"backup"});
    CHECK(backup.status == 5);
    CHECK(backup.err.find("full") != std::string::npos);
    // An upload finds no room either, and leaves nothing half.
    disk.fill(0);
    const Reply upload = http("PUT", cluster.jobe("files/abcdefgh"),
                              "{\"file_contents\": \"" + std::string(400'000, 'A') + "\"}");
    CHECK(upload.status == 503);
    CHECK(upload.headers.contains("retry-after"));
    CHECK(http("HEAD", cluster.jobe("files/abcdefgh")).status == 404);
    for (const auto& entry : fs::recursive_directory_iterator(disk.path() + "/files")) {
      CHECK_FALSE(entry.is_regular_file());
    }
    const std::size_t taken_before = crowd.acknowledged().size();
    CHECK(taken_before > 50);
    const std::string memory_red = memory_of(cluster.master());
    // The crowd may be held, all of it: these are refused, each with what it sent.
    const std::string body = run_body("python3", std::string(20'000, '#'));
    for (int i = 0; i < 1'000; ++i) CHECK(http("POST", cluster.jobe("runs"), body).status == 503);
    MESSAGE("the master's memory before: "
            << memory_before << "when the disk was full: " << memory_red
            << "1,000 refusals later: " << memory_of(cluster.master()));

    disk.free();
    CHECK(eventually(60'000, [&] { return cluster.status()["accepting"].get<bool>(); }));
    CHECK(eventually(60'000, [&] { return crowd.acknowledged().size() > taken_before; }));
    CHECK(http("GET", cluster.ops("/readyz")).status == 200);
    crowd.stop();
    CHECK(crowd.odd() == 0);
    const auto ids = crowd.acknowledged();
    CHECK(answered(cluster, ids) == ids.size());
    MESSAGE(ids.size() << " runs acknowledged, " << taken_before << " of them before the disk was "
                       << "full, all answered; " << crowd.refused() << " refused with 503");
  }

  TEST_CASE("full and killed: every run that was acknowledged is on the disk") {
    SmallDisk disk(24);
    disk.fill(8 << 20);
    Cluster cluster({"--data", disk.path()});
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2"});
    agent->wait_ready();
    std::vector<std::string> ids;
    {
      Crowd crowd(cluster);
      check_red(cluster, "full");
      cluster.master().kill_now();  // the clients that were held get no answer
      crowd.stop();
      CHECK(crowd.odd() == 0);
      ids = crowd.acknowledged();
    }
    // On another disk, as somebody would who saves what there is.
    const std::string saved = cluster.folder() + "/saved";
    fs::create_directory(saved);
    for (const char* name : {"docket.db", "docket.db-wal", "docket.db-mark"}) {
      fs::copy_file(disk.path() + "/" + name, saved + "/" + name);
    }
    {
      Process other("docket-master",
                    {"--jobe-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0",
                     "--agents-listen", "tcp://127.0.0.1:0", "--data", saved},
                    cluster.folder());
      const auto facts = other.wait_ready();
      std::size_t found = 0;
      for (const auto& id : ids) {
        const long status =
            http("GET", "http://" + facts.at("jobe") + "/jobe/index.php/restapi/runresults/" + id)
                .status;
        found += status == 200 || status == 204 ? 1 : 0;
      }
      CHECK(found == ids.size());
    }
    // On the full disk itself the master starts too, with a red light before anybody has asked it
    // for anything, and goes on when there is room.
    cut_unfinished(disk.path() + "/docket.db-wal");
    disk.fill(0);
    cluster.restart_master();
    check_red(cluster, "full");
    disk.free();
    CHECK(eventually(60'000, [&] { return cluster.status()["accepting"].get<bool>(); }));
    CHECK(answered(cluster, ids) == ids.size());
    MESSAGE(ids.size() << " runs acknowledged, all on the disk after kill -9");
  }

  TEST_CASE("a disk that refuses writes, and takes them again") {
    Cluster cluster;
    StubSandbox sandbox({});
    auto agent = cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2"});
    agent->wait_ready();
    const std::string before = cluster.submit("python3", "print(1)");
    CHECK(eventually(20'000, [&] { return cluster.result(before).status == 200; }));
    const std::string wal = cluster.folder() + "/master/docket.db-wal";
    set_immutable(wal, true);
    Reply held;
    std::thread client([&] { held = cluster.run("python3", "print(2)"); });
    const bool red = eventually(60'000, [&] { return !cluster.status()["accepting"].get<bool>(); });
    if (red) check_red(cluster, "disk I/O error");
    CHECK(cluster.result(before).status == 200);  // what is known is told
    CHECK(held.status == 0);                      // what is not on disk is not
    set_immutable(wal, false);
    client.join();
    CHECK(red);
    CHECK(held.status == 200);
    CHECK(eventually(20'000, [&] { return cluster.status()["accepting"].get<bool>(); }));
    CHECK(cluster.run("python3", "print(3)").status == 200);
  }

  TEST_CASE("a data folder on a read-only disk: refused in one line") {
    SmallDisk disk(8);
    REQUIRE(::mount("none", disk.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0);
    Folder folder;
    const Ended ended = run("docket-master", {"--data", disk.path()}, folder.path());
    CHECK(ended.status == 1);
    CHECK(ended.err.find(disk.path() + ": Read-only file system") != std::string::npos);
  }

  TEST_CASE("the agent's disk full: its results stay with it, are told, and it says so once") {
    SmallDisk disk(2);
    Cluster cluster;
    std::atomic<bool> go = false;
    StubSandbox sandbox({.run = [&](const auto&) {
      while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return ran(15, "spooled\n");
    }});
    auto agent =
        cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2", "--data", disk.path()});
    agent->wait_ready();
    const std::string first = cluster.submit("python3", "print(1)");
    const std::string second = cluster.submit("python3", "print(2)");
    REQUIRE(eventually(20'000, [&] { return cluster.status()["running"] == 2; }));
    disk.fill(0);
    cluster.master().kill_now();
    go = true;
    const auto said = [&] { return agent->err().find("spool=failing"); };
    REQUIRE(eventually(30'000, [&] { return said() != std::string::npos; }));
    CHECK(fs::is_empty(disk.path() + "/results"));
    SUBCASE("the master comes back: it is told") {
      cluster.restart_master();
    }
    SUBCASE("room comes back: they are on disk, and survive the agent") {
      disk.free();
      REQUIRE(
          eventually(20'000, [&] { return agent->err().find("spool=well") != std::string::npos; }));
      agent->kill_now();
      cluster.restart_master();
      agent =
          cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2", "--data", disk.path()});
      agent->wait_ready();
    }
    SUBCASE("it is stopped: it waits for room, and leaves when they are on disk") {
      agent->signal(SIGTERM);
      CHECK_FALSE(agent->wait_exit(1'500).has_value());
      disk.free();
      CHECK(agent->wait_exit(20'000) == 0);
      cluster.restart_master();
      agent =
          cluster.start_agent("lab-1", sandbox.address(), {"--slots", "2", "--data", disk.path()});
      agent->wait_ready();
    }
    for (const auto& id : {first, second}) {
      CHECK(eventually(60'000, [&] { return cluster.result(id).status == 200; }));
      CHECK(cluster.result(id).json()["stdout"] == "spooled\n");
    }
    CHECK(sandbox.runs() == 2);
    CHECK(said() == agent->err().rfind("spool=failing"));
  }
}
