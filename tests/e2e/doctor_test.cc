// docket-agent doctor and docket doctor on real programs: nothing is said of a cluster that is
// well, and each fault that can be made gets its line, its fix and the exit status 1.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "protocol/base/link_key.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kLanguages = R"([["python3","3.11.2"]])";

int cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// An answer that a canary or a sleeper would give.
docket::http::Response well(const docket::http::Request& request) {
  const bool canary = request.body.find("docket canary") != std::string::npos;
  return ran(15, canary ? "docket canary 42\n" : "1000 3000\n");
}

StubSandbox::Behaviour speaking_python(StubSandbox::Reply run) {
  return {.languages = [](const auto&) { return answer(200, kLanguages); }, .run = std::move(run)};
}

// What a doctor said, by check.
struct Said {
  explicit Said(const Ended& ended) : status(ended.status) {
    const json list = json::parse(ended.out, nullptr, false);
    REQUIRE_MESSAGE(list.is_array(), ended.out << ended.err);
    for (const auto& each : list) {
      const std::string result = each.at("result");
      CHECK((result == "ok") == each.at("do").get<std::string>().empty());
      some_fail = some_fail || result == "fail";
      if (result != "ok") troubles += each.dump() + "\n";
      lines[each.at("check")] = each;
    }
    CHECK(status == (some_fail ? 1 : 0));
  }

  std::string result(const std::string& check) const {
    const auto found = lines.find(check);
    return found == lines.end() ? "" : found->second.at("result").get<std::string>();
  }
  std::string detail(const std::string& check) const {
    const auto found = lines.find(check);
    return found == lines.end() ? "" : found->second.at("detail").get<std::string>();
  }

  int status;
  bool some_fail = false;
  std::string troubles;
  std::map<std::string, json> lines;
};

// A host with its own folder, at a cluster whose link is encrypted.
class Host {
 public:
  explicit Host(std::vector<std::string> master_options = {})
      : cluster(std::move(master_options), Link::encrypted) {}

  std::string token() {
    const Ended made = cluster.docket({"agents", "token"});
    REQUIRE_MESSAGE(made.status == 0, made.err);
    return made.out.substr(0, made.out.find('\n'));
  }
  Ended join(const std::string& jobe, const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"join",   token(),  "--name", "lab-1",  "--config",
                                          config(), "--data", data(),   "--jobe", "http://" + jobe};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run("docket-agent", arguments, cluster.folder());
  }
  // Joined to a real sandbox with as many slots as there are cores.
  void set_up() {
    sandbox = cluster.start_sandbox(cores());
    const Ended joined = join(sandbox.address);
    REQUIRE_MESSAGE(joined.status == 0, joined.out << joined.err);
  }
  Ended doctor_text(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"doctor", "--config", config()});
    return run("docket-agent", options, cluster.folder());
  }
  Said doctor(std::vector<std::string> options = {}) {
    options.push_back("--json");
    return Said(doctor_text(options));
  }
  // Sets a line of the settings; `value` as TOML writes it.
  void set(const std::string& name, const std::string& value) {
    std::ifstream file(config());
    std::string text;
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with(name + " =")) text += line + "\n";
    }
    std::ofstream(config()) << text << name << " = " << value << "\n";
  }
  std::string config() const { return cluster.folder() + "/agent.toml"; }
  std::string data() const { return cluster.folder() + "/data"; }

  Cluster cluster;
  Sandbox sandbox;
};

Said docket_doctor(const Cluster& cluster) {
  return Said(cluster.docket({"doctor", "-o", "json"}));
}

}  // namespace

TEST_SUITE("e2e doctor") {
  TEST_CASE("a host that is well: every line is ok, before its agent runs and while it does") {
    Host host;
    host.set_up();
    const Said said = host.doctor();
    CHECK_MESSAGE(said.troubles.empty(), said.troubles);
    for (const char* check :
         {"settings", "name", "tcp", "key", "membership", "clock", "version", "jobe", "jobe key",
          "run c", "run python3", "sandbox faults", "free slots", "slots", "disk", "memory"}) {
      CHECK_MESSAGE(said.result(check) == "ok", check);
    }
    const std::string all = std::to_string(cores());
    CHECK(said.detail("free slots").starts_with(all + " of " + all));
    CHECK(http("GET", host.cluster.ops("/api/v1/status")).json().at("refused_peers") == 0);

    const Ended text = host.doctor_text();
    CHECK(text.out.starts_with("ok    settings"));
    CHECK(text.status == 0);

    const Process agent("docket-agent", {"--config", host.config()}, host.cluster.folder());
    REQUIRE(eventually(60'000, [&] {
      const auto view = host.cluster.agent("lab-1");
      return !view.is_null() && view.at("state") == "active";
    }));
    const Said busy = host.doctor();
    CHECK_MESSAGE(busy.troubles.empty(), busy.troubles);
    CHECK(busy.detail("free slots").starts_with("not counted"));
    CHECK(host.cluster.agent("lab-1").at("state") == "active");
  }

  TEST_CASE("before a host joins: a token is tried, and nothing is changed by it") {
    Host host;
    host.sandbox = host.cluster.start_sandbox(cores());
    const std::string jobe = "http://" + host.sandbox.address;
    const Said alone = host.doctor({"--jobe", jobe});
    CHECK(alone.result("master") == "warn");
    CHECK(alone.result("run python3") == "ok");
    CHECK(alone.status == 0);
    const std::string token = host.token();
    for (int twice = 0; twice < 2; ++twice) {
      const Said said = host.doctor({token, "--jobe", jobe, "--data", host.data()});
      CHECK(said.result("key") == "ok");
      CHECK(said.detail("membership").starts_with("the token lets this host join"));
    }
    CHECK_FALSE(fs::exists(host.data()));
    CHECK_FALSE(fs::exists(host.config()));
    CHECK(host.doctor_text({token.substr(0, 50), "--jobe", jobe}).status == 2);
    REQUIRE(run("docket-agent",
                {"join", token, "--name", "lab-1", "--config", host.config(), "--data", host.data(),
                 "--jobe", jobe},
                host.cluster.folder())
                .status == 0);
    const Said spent = host.doctor({token, "--data", host.cluster.folder() + "/other"});
    CHECK(spent.result("membership") == "fail");
    CHECK(spent.detail("membership").find("used as often as it may be") != std::string::npos);
  }

  TEST_CASE("the master: down, another key, a host that it no longer knows, a name that is none") {
    Host host;
    host.set_up();
    const std::string pin = host.cluster.link_key();
    host.set("master-key", "\"" + docket::make_key_pair().public_key + "\"");
    const Said stranger = host.doctor();
    CHECK(stranger.result("tcp") == "ok");
    CHECK(stranger.result("key") == "fail");
    CHECK(stranger.detail("key").find("does not prove") != std::string::npos);
    CHECK(stranger.result("run python3") == "ok");
    host.set("master-key", "\"" + pin + "\"");
    CHECK(host.doctor().status == 0);

    REQUIRE(host.cluster.docket({"agents", "remove", "lab-1", "-y"}).status == 0);
    const Said removed = host.doctor();
    CHECK(removed.result("key") == "ok");
    CHECK(removed.result("membership") == "fail");

    host.cluster.master().kill_now();
    const Said down = host.doctor();
    CHECK(down.result("name") == "ok");
    CHECK(down.result("tcp") == "fail");
    CHECK(down.detail("tcp").find("Connection refused") != std::string::npos);
    CHECK(down.result("key").empty());

    host.set("master", "\"tcp://no-such-host.invalid:4002\"");
    CHECK(host.doctor().result("name") == "fail");
    fs::remove(host.data() + "/agent.key");
    host.set("master", "\"" + host.cluster.agents_url() + "\"");
    host.cluster.restart_master();
    const Said keyless = host.doctor();
    CHECK(keyless.result("key") == "fail");
    CHECK(keyless.detail("key").find("agent.key") != std::string::npos);
  }

  TEST_CASE("a plain link on loopback has no keys to look at") {
    const Cluster cluster;
    StubSandbox jobe(speaking_python(well));
    const std::string config = cluster.folder() + "/agent.toml";
    std::ofstream(config) << "plain-link = true\nmaster = \"" << cluster.agents_url()
                          << "\"\nslots = 1\njobe = \"http://" << jobe.address() << "\"\n";
    const Said said(
        run("docket-agent", {"doctor", "--json", "--config", config}, cluster.folder()));
    CHECK_MESSAGE(said.troubles.empty(), said.troubles);
    CHECK(said.detail("key").starts_with("a plain link"));
    CHECK(said.result("version") == "ok");
    CHECK(docket_doctor(cluster).result("agents port") == "warn");
  }

  TEST_CASE("Jobe: down, or with fewer users than the agent has slots") {
    Host host;
    host.set_up();
    host.set("slots", "2");
    const Sandbox small = host.cluster.start_sandbox(1);
    const Said few = host.doctor({"--jobe", "http://" + small.address});
    CHECK(few.result("run python3") == "ok");
    CHECK(few.result("free slots") == "fail");
    CHECK(few.detail("free slots").starts_with("1 of 2 programs"));
    host.set("slots", std::to_string(cores() + 1));
    CHECK(host.doctor({"--jobe", "http://" + host.sandbox.address}).result("slots") == "warn");
    host.sandbox.process->kill_now();
    const Said down = host.doctor();
    CHECK(down.result("membership") == "ok");
    CHECK(down.result("jobe") == "fail");
    CHECK(down.result("run python3").empty());
    CHECK(down.result("disk") == "ok");
  }

  TEST_CASE("Jobe asks for a key: none, a wrong one, the right one") {
    StubSandbox jobe(speaking_python([](const auto& request) {
      const auto key = request.header("x-api-key");
      return key == "right" ? well(request)
                            : answer(403, key.empty() ? "Missing API key" : "Unknown API key");
    }));
    Host host;
    const std::vector<std::string> here = {"--jobe", "http://" + jobe.address()};
    CHECK(host.doctor(here).detail("jobe key") == "Jobe asks for a key");
    const std::string file = host.cluster.folder() + "/jobe.key";
    std::ofstream(file) << "wrong\n";
    host.set("jobe-key-file", "\"" + file + "\"");
    CHECK(host.doctor(here).detail("jobe key") == "Jobe refuses the key (HTTP 403)");
    std::ofstream(file) << "right\n";
    const Said right = host.doctor(here);
    CHECK(right.detail("jobe key") == "Jobe takes the key");
    CHECK(right.result("run python3") == "ok");
    CHECK(right.result("free slots") == "ok");
  }

  TEST_CASE("a sandbox with faults of its own is named, and its host is not let join") {
    std::string says = "runguard: cannot start `sh': Resource temporarily unavailable\n";
    StubSandbox jobe(speaking_python([&](const auto&) {
      return answer(200, json{{"run_id", nullptr},
                              {"outcome", 11},
                              {"cmpinfo", says},
                              {"stdout", ""},
                              {"stderr", ""}}
                             .dump());
    }));
    Host host;
    const Said sick = host.doctor({"--jobe", "http://" + jobe.address()});
    CHECK(sick.result("jobe") == "ok");
    CHECK(sick.result("run python3") == "fail");
    CHECK(sick.detail("sandbox faults").find("cannot start") != std::string::npos);

    const Ended refused = host.join(jobe.address());
    CHECK(refused.status == 6);
    CHECK_MESSAGE(refused.err.find("--force") != std::string::npos, refused.err);
    CHECK(refused.out.find("fail  sandbox faults") != std::string::npos);
    CHECK_FALSE(fs::exists(host.config()));
    CHECK_FALSE(fs::exists(host.data()));
    const Ended forced = host.join(jobe.address(), {"--force"});
    CHECK_MESSAGE(forced.status == 0, forced.err);
  }

  TEST_CASE("a sandbox whose users are all marked busy, or that loses what programs print") {
    Host host;
    StubSandbox busy(speaking_python([](const auto&) { return ran(21); }));
    const Said leaked = host.doctor({"--jobe", "http://" + busy.address()});
    CHECK(leaked.result("run python3") == "fail");
    CHECK(leaked.lines.at("run python3").at("do").get<std::string>().find("freeallusers.php") !=
          std::string::npos);
    StubSandbox mute(speaking_python([](const auto&) { return ran(15, ""); }));
    CHECK(host.doctor({"--jobe", "http://" + mute.address()}).result("run python3") == "fail");
  }

  TEST_CASE("the master's doctor: a cluster that is well, and what to enter in CodeRunner") {
    Host host({"--database-mb", "1024", "--files-mb", "64"});
    host.set_up();
    const Process agent("docket-agent", {"--config", host.config()}, host.cluster.folder());
    REQUIRE(eventually(60'000, [&] {
      const auto view = host.cluster.agent("lab-1");
      return !view.is_null() && view.at("state") == "active";
    }));
    REQUIRE(host.cluster.docket({"keys", "create", "moodle"}).status == 0);
    const Said said = docket_doctor(host.cluster);
    CHECK_FALSE(said.some_fail);
    for (const char* check : {"master", "jobe port", "agents port", "api keys", "tokens",
                              "database", "time", "agents", "versions", "coderunner"}) {
      CHECK_MESSAGE(said.result(check) == "ok", check << " " << said.troubles);
    }
    CHECK(said.detail("commit").starts_with("95 % of"));
    CHECK(said.result("disk") != "");
    const std::string settings = said.detail("coderunner");
    CHECK(settings.starts_with("Jobe server: 127.0.0.1:"));
    CHECK(settings.find("Jobe API-key: ") != std::string::npos);
    CHECK(settings.find("moodle") != std::string::npos);
    const Ended text = host.cluster.docket({"doctor"});
    CHECK(text.status == 0);
    CHECK(text.out.find("ok    jobe port") != std::string::npos);
    CHECK(text.out.find("\nJobe server: ") != std::string::npos);

    REQUIRE(host.cluster.docket({"agents", "cordon", "lab-1", "--reason", "a look"}).status == 0);
    const Said cordoned = docket_doctor(host.cluster);
    CHECK(cordoned.result("agent lab-1") == "warn");
    CHECK(cordoned.detail("agent lab-1").find("a look") != std::string::npos);
    CHECK(cordoned.result("agents") == "fail");
  }

  TEST_CASE("the master's doctor: nobody has joined, the API is open, the master is down") {
    Host host;
    const Said fresh = docket_doctor(host.cluster);
    CHECK(fresh.result("api keys") == "warn");
    CHECK(fresh.result("agents") == "fail");
    CHECK(fresh.result("agents port") == "warn");
    CHECK(fresh.result("jobe port") == "ok");
    CHECK(fresh.detail("coderunner").find("leave it empty") != std::string::npos);
    host.cluster.restart_master({"--ops-tokens"});
    const Said locked = docket_doctor(host.cluster);
    CHECK(locked.result("operations port") == "fail");
    CHECK(locked.lines.at("operations port").at("do").get<std::string>().find("docket login") !=
          std::string::npos);
    host.cluster.master().kill_now();
    const Said down = docket_doctor(host.cluster);
    CHECK(down.result("operations port") == "fail");
    CHECK(down.detail("operations port").find("cannot reach the master") != std::string::npos);
  }
}
