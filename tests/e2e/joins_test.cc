// Hosts that join by a token over an encrypted link, and leave: real programs, as an admin uses
// them.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "protocol/base/clock.h"
#include "protocol/base/digest.h"
#include "protocol/base/link_key.h"
#include "protocol/join_token.h"
#include "tests/e2e/cluster.h"

using namespace docket::e2e;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As many as a host that joins has slots.
int cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::string line_of(const Ended& ended) {
  REQUIRE_MESSAGE(ended.status == 0, ended.err);
  return ended.out.substr(0, ended.out.find('\n'));
}

// A cluster whose link is encrypted, and the files of its hosts.
class Joined {
 public:
  explicit Joined(std::vector<std::string> master_options = {})
      : cluster(std::move(master_options), Link::encrypted),
        sandbox(cluster.start_sandbox(cores())) {}

  std::string token(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"agents", "token"});
    return line_of(cluster.docket(options));
  }
  Ended join(const std::string& token_text, const std::string& name) {
    return run("docket-agent",
               {"join", token_text, "--name", name, "--config", config(name), "--data", data(name),
                "--jobe", "http://" + sandbox.address},
               cluster.folder());
  }
  Ended leave(const std::string& name) {
    return run("docket-agent", {"leave", "--config", config(name)}, cluster.folder());
  }
  std::unique_ptr<Process> start(const std::string& name,
                                 const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"--config", config(name)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return std::make_unique<Process>("docket-agent", arguments, cluster.folder());
  }
  // Joined, welcomed, and past its canaries.
  std::unique_ptr<Process> add(const std::string& name) {
    const Ended joined = join(token(), name);
    REQUIRE_MESSAGE(joined.status == 0, joined.err);
    auto agent = start(name);
    agent->wait_ready();
    REQUIRE(becomes(name, "active"));
    return agent;
  }
  bool becomes(const std::string& name, const std::string& state) {
    return eventually(60'000, [&] {
      const auto agent = cluster.agent(name);
      return !agent.is_null() && agent.at("state") == state;
    });
  }
  int refused() { return cluster.status().at("refused_peers").get<int>(); }
  std::string config(const std::string& name) const {
    return cluster.folder() + "/" + name + ".toml";
  }
  std::string data(const std::string& name) const { return cluster.folder() + "/data-" + name; }

  Cluster cluster;
  Sandbox sandbox;
};

void check_denied(const Ended& ended, const std::string& reason) {
  CHECK(ended.status == 4);
  CHECK_MESSAGE(ended.err.find(reason) != std::string::npos, ended.err);
}

}  // namespace

TEST_SUITE("e2e joins") {
  TEST_CASE("a host joins by one command, passes its canaries, and runs programs") {
    Joined host;
    const std::string token = host.token({"--tag", "exam"});
    const Ended joined = host.join(token, "lab-1");
    REQUIRE_MESSAGE(joined.status == 0, joined.err);
    CHECK(joined.out.find("python3") != std::string::npos);
    CHECK(joined.out.find("start it with: docket-agent --config") != std::string::npos);
    const std::string settings = text_of(host.config("lab-1"));
    CHECK(settings.find("master-key = \"" + host.cluster.link_key()) != std::string::npos);
    CHECK(settings.find("tag = [\"exam\"]") != std::string::npos);
    struct stat key {};
    REQUIRE(::stat((host.data("lab-1") + "/agent.key").c_str(), &key) == 0);
    CHECK((key.st_mode & 0777) == 0600);

    const Ended again = host.join(token, "lab-1");  // harmless
    CHECK_MESSAGE(again.status == 0, again.err);
    CHECK(text_of(host.config("lab-1")) == settings);

    const auto agent = host.start("lab-1");
    agent->wait_ready();
    const Reply reply = host.cluster.run("python3", "print(6 * 7)");
    REQUIRE(reply.status == 200);
    CHECK(reply.json().at("stdout") == "42\n");
    CHECK(host.cluster.agent("lab-1").at("state") == "active");
    CHECK(host.cluster.agent("lab-1").at("tags") == nlohmann::json{"exam"});
    CHECK(host.refused() == 0);
  }

  TEST_CASE("the secret is on no disk and in no log of the master's") {
    Joined host;
    const std::string token = host.token();
    REQUIRE(host.join(token, "lab-1").status == 0);
    const auto parsed = docket::parse_token(token);
    REQUIRE(parsed.ok());
    const std::string& secret = (*parsed).secret_key;
    const std::string spellings[] = {token.substr(token.size() - 40), secret,
                                     docket::key_bytes(secret)};
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(host.cluster.folder() + "/master")) {
      if (!entry.is_regular_file()) continue;
      ++files;
      const std::string content = text_of(entry.path().string());
      for (const auto& spelling : spellings) CHECK(content.find(spelling) == std::string::npos);
    }
    CHECK(files >= 3);
    for (const auto& spelling : spellings) {
      CHECK(host.cluster.master().err().find(spelling) == std::string::npos);
    }
    // The digest by which it is known is there: this look at the files finds what is in them.
    const std::string digest = docket::sha256_hex(docket::public_key_of(secret));
    bool found = false;
    for (const char* file : {"/master/docket.db", "/master/docket.db-wal"}) {
      found = found || text_of(host.cluster.folder() + file).find(digest) != std::string::npos;
    }
    CHECK(found);
  }

  TEST_CASE("a token that is used up, expired, cut or changed is refused with the reason") {
    Joined host;
    const std::string once = host.token();
    REQUIRE(host.join(once, "lab-1").status == 0);
    check_denied(host.join(once, "lab-2"), "used as often as it may be");
    const std::string brief = host.token({"--ttl", "1s"});
    const docket::WallMs expires = (*docket::parse_token(brief)).expires;
    REQUIRE(eventually(20'000, [&] { return docket::read_clock().wall > expires; }));
    check_denied(host.join(brief, "lab-3"), "the token expired");
    const std::string good = host.token();
    for (const std::string& bad :
         {good.substr(0, good.size() - 5),
          good.substr(0, 40) + (good[40] == 'A' ? "B" : "A") + good.substr(41)}) {
      const Ended refused = host.join(bad, "lab-4");
      CHECK(refused.status == 2);
      CHECK_MESSAGE(refused.err.find("cut or changed") != std::string::npos, refused.err);
    }
    CHECK_FALSE(fs::exists(host.config("lab-2")));
    CHECK_FALSE(fs::exists(host.config("lab-4")));
    CHECK(host.refused() >= 2);
  }

  TEST_CASE("another master's token is turned away by this one, and the other way round") {
    Joined host;
    Joined other;
    // The other's token with this one's address, as a thief in the network would have it: nothing
    // is sent, because this master cannot prove the other's key.
    const std::string stray = other.token(
        {"--agents-address", host.cluster.agents_url().substr(std::string("tcp://").size())});
    const Ended refused = host.join(stray, "lab-1");
    CHECK(refused.status == 5);
    CHECK_MESSAGE(refused.err.find("does not prove the expected master's key") != std::string::npos,
                  refused.err);
    CHECK(host.refused() >= 1);
    CHECK_FALSE(fs::exists(host.config("lab-1")));
  }

  TEST_CASE("a key that is not known gets a counted refusal and nothing else") {
    Joined host;
    REQUIRE(host.join(host.token(), "lab-1").status == 0);
    fs::remove(host.data("lab-1") + "/agent.key");
    Joined other;  // its key is good, elsewhere
    REQUIRE(other.join(other.token(), "lab-1").status == 0);
    fs::copy_file(other.data("lab-1") + "/agent.key", host.data("lab-1") + "/agent.key");
    const auto stranger = host.start("lab-1");
    CHECK(eventually(30'000, [&] { return host.refused() >= 1; }));
    CHECK(eventually(30'000, [&] {
      return stranger->err().find("does not let this host's key in") != std::string::npos;
    }));
    CHECK(host.cluster.agent("lab-1").is_null());
  }

  TEST_CASE("the token is not in the process list while a host joins") {
    Joined site;
    const std::string token = site.token();
    Process joining("docket-agent",
                    {"join", token, "--name", "lab-1", "--config", site.config("lab-1"), "--data",
                     site.data("lab-1"), "--jobe", "http://" + site.sandbox.address},
                    site.cluster.folder());
    const std::string list = "/proc/" + std::to_string(joining.pid()) + "/cmdline";
    CHECK(eventually(20'000, [&] { return joining.out().find("Jobe at") != std::string::npos; }));
    const std::string words = text_of(list);
    CHECK(words.find("lab-1") != std::string::npos);
    CHECK(words.find(token) == std::string::npos);
    CHECK(joining.wait_exit(60'000) == 0);
  }

  TEST_CASE("one agent cannot speak for another") {
    Joined host;
    const auto first = host.add("lab-1");
    REQUIRE(host.join(host.token(), "lab-2").status == 0);
    const auto impostor = host.start("lab-2", {"--name", "lab-1"});
    CHECK(eventually(30'000, [&] {
      return impostor->err().find("this host's key is not that of lab-1") != std::string::npos;
    }));
    CHECK(host.refused() >= 1);
    CHECK(host.cluster.agent("lab-1").at("state") == "active");
    CHECK(host.cluster.agent("lab-2").is_null());
  }

  TEST_CASE("with --approve a host waits for the confirmation of its fingerprint") {
    Joined host;
    const Ended joined = host.join(host.token({"--approve"}), "lab-1");
    REQUIRE_MESSAGE(joined.status == 0, joined.err);
    const auto link = http("GET", host.cluster.ops("/api/v1/link")).json();
    REQUIRE(link.at("awaiting").size() == 1);
    const std::string fingerprint = link.at("awaiting")[0].at("fingerprint");
    CHECK(joined.out.find("docket agents approve " + fingerprint) != std::string::npos);
    const auto agent = host.start("lab-1");
    CHECK(eventually(30'000, [&] { return host.refused() >= 1; }));
    CHECK(host.cluster.agent("lab-1").is_null());
    CHECK(host.cluster.docket({"agents", "approve", "lab-1"}).status == 2);  // no terminal to ask
    CHECK(host.cluster.docket({"agents", "approve", "lab-9"}).status == 3);
    const Ended approved = host.cluster.docket({"agents", "approve", fingerprint});
    CHECK_MESSAGE(approved.status == 0, approved.err);
    agent->wait_ready();
    CHECK(host.becomes("lab-1", "active"));
  }

  TEST_CASE("a removed host is out for good, unless it joins again") {
    Joined host;
    const auto agent = host.add("lab-1");
    const Ended removed = host.cluster.docket({"agents", "remove", "lab-1", "-y"});
    CHECK_MESSAGE(removed.status == 0, removed.err);
    CHECK(host.cluster.agent("lab-1").is_null());
    CHECK(host.cluster.docket({"agents", "remove", "lab-1", "-y"}).status == 3);
    agent->kill_now();
    const auto again = host.start("lab-1");
    CHECK(eventually(30'000, [&] { return host.refused() >= 1; }));
    host.cluster.restart_master();
    CHECK(host.cluster.agent("lab-1").is_null());
    CHECK(eventually(30'000, [&] { return host.refused() >= 1; }));
    REQUIRE(host.join(host.token(), "lab-1").status == 0);
    CHECK(host.becomes("lab-1", "active"));
  }

  TEST_CASE("a host leaves by one command once its agent has stopped") {
    Joined host;
    const auto agent = host.add("lab-1");
    const Ended early = host.leave("lab-1");
    CHECK(early.status == 6);
    CHECK_MESSAGE(early.err.find("stop docket-agent first") != std::string::npos, early.err);
    agent->signal(SIGTERM);
    REQUIRE(agent->wait_exit(30'000) == 0);
    const Ended left = host.leave("lab-1");
    CHECK_MESSAGE(left.status == 0, left.err);
    CHECK(host.cluster.agent("lab-1").is_null());
    CHECK_FALSE(fs::exists(host.data("lab-1") + "/agent.key"));
    CHECK(host.leave("lab-1").status == 3);
    const Ended start =
        run("docket-agent", {"--config", host.config("lab-1")}, host.cluster.folder());
    CHECK(start.status == 1);
    CHECK_MESSAGE(start.err.find("docket-agent join") != std::string::npos, start.err);
  }

  TEST_CASE("after kill -9 the master has the same key and knows its hosts") {
    Joined host;
    const auto agent = host.add("lab-1");
    const std::string key = host.cluster.link_key();
    host.cluster.restart_master();
    CHECK(host.cluster.link_key() == key);
    CHECK(host.becomes("lab-1", "active"));
    CHECK(host.cluster.run("python3", "print(1)").json().at("stdout") == "1\n");
  }

  TEST_CASE("a master whose key others can read does not start") {
    Joined host;
    const std::string path = host.cluster.folder() + "/master/link.key";
    struct stat key {};
    REQUIRE(::stat(path.c_str(), &key) == 0);
    CHECK((key.st_mode & 0777) == 0600);
    host.cluster.master().kill_now();
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    const Ended refused =
        run("docket-master",
            {"--data", host.cluster.folder() + "/master", "--jobe-listen", "127.0.0.1:0",
             "--ops-listen", "127.0.0.1:0", "--agents-listen", "tcp://127.0.0.1:0"},
            host.cluster.folder());
    CHECK(refused.status == 1);
    CHECK_MESSAGE(refused.err.find("link.key has the mode 0644") != std::string::npos, refused.err);
  }

  TEST_CASE("a plain link off loopback is refused by both programs") {
    const Folder folder;
    const Ended master =
        run("docket-master",
            {"--plain-link", "--data", folder.path() + "/m", "--jobe-listen", "127.0.0.1:0",
             "--ops-listen", "127.0.0.1:0", "--agents-listen", "tcp://0.0.0.0:0"},
            folder.path());
    CHECK(master.status == 1);
    CHECK_MESSAGE(master.err.find("a plain link is for loopback alone") != std::string::npos,
                  master.err);
    const Ended agent =
        run("docket-agent",
            {"--plain-link", "--master", "tcp://192.0.2.1:4002", "--data", folder.path() + "/a"},
            folder.path());
    CHECK(agent.status == 1);
    CHECK_MESSAGE(agent.err.find("a plain link is for loopback alone") != std::string::npos,
                  agent.err);
    const Ended keyless = run("docket-agent", {"--data", folder.path() + "/a"}, folder.path());
    CHECK(keyless.status == 1);
    CHECK_MESSAGE(keyless.err.find("docket-agent join TOKEN") != std::string::npos, keyless.err);
  }

  TEST_CASE("a plain master makes no tokens") {
    Cluster cluster;
    const Ended refused = cluster.docket({"agents", "token"});
    CHECK(refused.status == 6);
    CHECK_MESSAGE(refused.err.find("--plain-link") != std::string::npos, refused.err);
  }
}
