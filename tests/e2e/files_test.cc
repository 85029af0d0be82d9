// Support files: kept within a limit but never taken from a job, whole or not there, pushed once to
// where they are missing.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <set>

#include "protocol/base/base64.h"
#include "protocol/base/digest.h"
#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

namespace {

namespace fs = std::filesystem;

std::string file_body(const std::string& content) {
  return "{\"file_contents\":\"" + base64_encode(content) + "\"}";
}

std::string random_content(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string content(bytes, '\0');
  for (char& c : content) c = static_cast<char>(random());
  return content;
}

Reply put(const Cluster& cluster, const std::string& id, const std::string& content) {
  return http("PUT", cluster.jobe("files/" + id), file_body(content));
}

bool has(const Cluster& cluster, const std::string& id) {
  return http("HEAD", cluster.jobe("files/" + id)).status == 204;
}

// Every file is there under the name "f-" and its id.
nlohmann::json file_list(const std::vector<std::string>& ids) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& id : ids) list.push_back(nlohmann::json::array({id, "f-" + id}));
  return {{"file_list", list}};
}

// Prints "id md5" of each.
constexpr const char* kPrintDigests =
    "import hashlib, os\n"
    "for name in sorted(os.listdir('.')):\n"
    "    if name.startswith('f-'):\n"
    "        digest = hashlib.md5()\n"
    "        with open(name, 'rb') as file:\n"
    "            while piece := file.read(1 << 20): digest.update(piece)\n"
    "        print(name[2:], digest.hexdigest())\n";

// Files of 2 MB with ids of their own, one after the other.
void fill(const Cluster& cluster, const std::string& name, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string content = name + std::to_string(i) + std::string(2'000'000, 'x');
    CHECK(put(cluster, name + "file" + std::to_string(i), content).status == 204);
  }
}

// The folder of the only trial sandbox.
fs::path sandbox_folder(const Cluster& cluster) {
  for (const auto& entry : fs::directory_iterator(cluster.folder())) {
    if (entry.path().filename().string().starts_with("trial-jobe-")) return entry.path();
  }
  FAIL("no folder of a trial sandbox");
  return {};
}

}  // namespace

TEST_SUITE("e2e files") {
  TEST_CASE("a file that a waiting job needs is never evicted, a master's kill -9 included") {
    Cluster cluster({"--files-mb", "8"});
    cluster.add_host("lab-1", 1);
    const std::string content = random_content(3'000'000, 1);
    const std::string id = md5_hex(content);
    REQUIRE(put(cluster, id, content).status == 204);
    cluster.agent_process("lab-1").signal(SIGTERM);
    REQUIRE(cluster.agent_process("lab-1").wait_exit(20'000) == 0);
    const std::string job = cluster.submit("python3", kPrintDigests, file_list({id}));
    fill(cluster, "first", 6);
    CHECK(has(cluster, "firstfile5"));
    CHECK_FALSE(has(cluster, "firstfile0"));
    CHECK(has(cluster, id));
    const Reply full = put(cluster, "toomuch1", std::string(6'000'000, 'x'));
    CHECK(full.status == 503);
    CHECK(full.headers.at("retry-after") == "5");
    CHECK(full.body.find("waiting and running jobs need") != std::string::npos);
    CHECK(has(cluster, "firstfile5"));  // nothing was lost for what was refused
    CHECK(put(cluster, "toomuch2", std::string(9'000'000, 'x')).status == 413);

    cluster.restart_master();
    fill(cluster, "second", 6);
    CHECK(has(cluster, id));
    auto agent = cluster.start_agent("lab-1", cluster.sandbox("lab-1").address, {"--slots", "1"});
    agent->wait_ready();
    Reply reply;
    REQUIRE(eventually(60'000, [&] { return (reply = cluster.result(job)).status == 200; }));
    CHECK(reply.json()["stdout"] == id + " " + id + "\n");
    fill(cluster, "third", 6);
    CHECK_FALSE(has(cluster, id));  // the job is done
    const Reply missing = cluster.run("python3", kPrintDigests, file_list({id}));
    CHECK(missing.status == 404);
    CHECK(missing.body == "\"One or more of the specified files is missing/unavailable\"");
  }

  TEST_CASE("the master killed in the middle of uploads: no half file is ever served") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    std::mutex mutex;
    std::vector<std::string> sent;
    std::set<std::string> acknowledged;
    for (unsigned round = 0; round < 3; ++round) {
      std::atomic<bool> done = false;
      std::vector<std::thread> clients;
      for (unsigned client = 0; client < 4; ++client) {
        clients.emplace_back([&, client] {
          for (unsigned i = 0; !done; ++i) {
            const std::string content =
                random_content(500'000, round * 10'000 + client * 1'000 + i);
            const std::string id = md5_hex(content);
            {
              std::lock_guard lock(mutex);
              sent.push_back(id);
            }
            if (put(cluster, id, content).status != 204) return;
            std::lock_guard lock(mutex);
            acknowledged.insert(id);
          }
        });
      }
      const std::size_t enough = (round + 1) * 15;
      CHECK(eventually(30'000, [&] {
        std::lock_guard lock(mutex);
        return acknowledged.size() >= enough;
      }));
      cluster.master().kill_now();
      done = true;
      for (auto& client : clients) client.join();
      cluster.restart_master();
    }
    REQUIRE(eventually(15'000, [&] { return cluster.agent("lab-1")["state"] == "active"; }));
    std::vector<std::string> present;
    for (const auto& id : sent) {
      if (has(cluster, id))
        present.push_back(id);
      else
        CHECK_FALSE(acknowledged.contains(id));
    }
    CHECK(present.size() >= 45);
    for (std::size_t at = 0; at < present.size(); at += 20) {
      std::vector<std::string> some(
          present.begin() + static_cast<std::ptrdiff_t>(at),
          present.begin() + static_cast<std::ptrdiff_t>(std::min(at + 20, present.size())));
      std::sort(some.begin(), some.end());
      std::string expected;
      for (const auto& id : some) expected += id + " " + id + "\n";
      CHECK(cluster.run("python3", kPrintDigests, file_list(some)).json()["stdout"] == expected);
    }
    // What was half written is gone from the disk.
    for (const auto& entry : fs::directory_iterator(cluster.folder() + "/master/files")) {
      CHECK(entry.is_directory());
    }
  }

  TEST_CASE("a file of 60 MB arrives; the run stays on its host and counts one attempt") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string content = random_content(60'000'000, 2);
    const Reply posted = http("POST", cluster.jobe("files"), file_body(content));
    REQUIRE(posted.status == 200);
    const std::string id = posted.json();
    CHECK(id == md5_hex(content));
    for (int round = 0; round < 2; ++round) {
      const Reply reply = cluster.run("python3", kPrintDigests, file_list({id}));
      REQUIRE(reply.status == 200);
      CHECK(reply.json()["stdout"] == id + " " + id + "\n");
      const auto job = cluster.job(reply.json()["run_id"]);
      CHECK(job["timeline"].size() == 1);
      CHECK(job["timeline"][0]["agent"] == "lab-1");
    }
    CHECK(cluster.sandbox_stats("lab-1")["file_puts"] == 1);
  }

  TEST_CASE("eight runs that need one file at once: one push") {
    Cluster cluster;
    cluster.add_host("lab-1", 8);
    const std::string content = random_content(5'000'000, 3);
    const std::string id = md5_hex(content);
    REQUIRE(put(cluster, id, content).status == 204);
    const auto more = file_list({id});
    const std::vector<std::string> bodies(8, run_body("python3", kPrintDigests, more));
    for (const Reply& reply : post_all(cluster.jobe("runs"), bodies)) {
      CHECK(reply.status == 200);
      CHECK(reply.json()["stdout"] == id + " " + id + "\n");
      CHECK(cluster.job(reply.json()["run_id"])["timeline"].size() == 1);
    }
    CHECK(cluster.sandbox_stats("lab-1")["file_puts"] == 1);
  }

  TEST_CASE("a sandbox that takes no files: its runs go to another host") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const fs::path sick = sandbox_folder(cluster);
    cluster.add_host("lab-2", 1);
    // It cannot write below a file.
    fs::remove_all(sick / "files");
    std::ofstream(sick / "files") << "x";
    std::size_t failed_pushes = 0;
    for (unsigned i = 0; i < 4; ++i) {
      const std::string content = random_content(1'000, 100 + i);
      const std::string id = md5_hex(content);
      REQUIRE(put(cluster, id, content).status == 204);
      const Reply reply = cluster.run("python3", kPrintDigests, file_list({id}));
      CHECK(reply.status == 200);
      CHECK(reply.json()["stdout"] == id + " " + id + "\n");
      const auto timeline = cluster.job(reply.json()["run_id"])["timeline"];
      CHECK(timeline.back()["agent"] == "lab-2");
      for (const auto& attempt : timeline) {
        if (attempt["ending"] != "file push failed") continue;
        CHECK(attempt["agent"] == "lab-1");
        ++failed_pushes;
      }
    }
    CHECK(failed_pushes > 0);
  }

  TEST_CASE("ids that are MD5s are held against the content when the operator asks for it") {
    Cluster cluster({"--check-file-ids"});
    CHECK(put(cluster, md5_hex("right"), "right").status == 204);
    const Reply wrong = put(cluster, md5_hex("right"), "wrong");
    CHECK(wrong.status == 400);
    CHECK(wrong.body.find("is not the MD5 of the contents") != std::string::npos);
    CHECK(put(cluster, "somename", "anything").status == 204);
  }
}
