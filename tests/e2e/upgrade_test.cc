// An upgrade under load, as docs/operations.md tells it: the master is replaced while clients come,
// then each agent. What systemd does meanwhile is done here: it keeps the socket of Jobe's API.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/e2e/cluster.h"
#include "tests/e2e/service_manager.h"

using namespace docket::e2e;
using docket::test::ServiceManager;

namespace {

constexpr int kPatienceMs = 60'000;

// A master as a service: ended by SIGTERM and started anew with what it gave the manager to keep.
class Service {
 public:
  explicit Service(const std::string& folder)
      : folder_(folder), manager_(folder + "/notify"), jobe_("127.0.0.1:0"), ops_("127.0.0.1:0") {
    start();
  }

  void restart() {
    master_->signal(SIGTERM);
    REQUIRE(master_->wait_exit(kPatienceMs) == 0);
    start();
  }
  void move_to(const std::string& jobe) {
    jobe_ = jobe;
    restart();
  }

  std::string run_url() const { return "http://" + jobe_ + "/jobe/index.php/restapi/runs"; }
  const std::string& jobe() const { return jobe_; }
  const std::string& agents() const { return agents_; }
  Ended docket(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--master", "http://" + ops_});
    return run("docket", arguments, folder_);
  }
  std::string err() const { return master_->err(); }

 private:
  void start() {
    std::vector<std::string> environment = {"NOTIFY_SOCKET=" + manager_.path()};
    std::string command = "exec \"$@\"";
    if (manager_.kept() >= 0) {
      environment.insert(environment.end(), {"LISTEN_FDS=1", "LISTEN_FDNAMES=jobe"});
      command = "LISTEN_PID=$$ exec \"$@\" 3<&" + std::to_string(manager_.kept());
    }
    master_ = std::make_unique<Process>(
        "/bin/bash",
        std::vector<std::string>{"-c", command, "start", program("docket-master"), "--plain-link",
                                 "--jobe-listen", jobe_, "--ops-listen", ops_, "--agents-listen",
                                 agents_, "--data", folder_ + "/master", "--drain", "30"},
        folder_, environment);
    const auto facts = master_->wait_ready();
    jobe_ = facts.at("jobe");
    ops_ = facts.at("ops");
    agents_ = facts.at("agents");
    REQUIRE(manager_.next_with("FDSTORE=1\nFDNAME=jobe", kPatienceMs));
    REQUIRE(manager_.next_with("READY=1", kPatienceMs));
  }

  const std::string folder_;
  ServiceManager manager_;
  std::string jobe_;
  std::string ops_;
  std::string agents_ = "tcp://127.0.0.1:0";
  std::unique_ptr<Process> master_;
};

std::unique_ptr<Process> start_agent(const Service& master, const std::string& folder,
                                     const std::string& name, const std::string& sandbox) {
  auto agent = std::make_unique<Process>(
      "docket-agent",
      std::vector<std::string>{"--plain-link", "--master", master.agents(), "--jobe",
                               "http://" + sandbox, "--name", name, "--slots", "1", "--data",
                               folder + "/" + name},
      folder);
  agent->wait_ready();
  return agent;
}

// Clients without a pause, a connection for each run as Moodle has, until the object goes.
class Load {
 public:
  explicit Load(const std::string& url) {
    for (int i = 0; i < 6; ++i) {
      clients_.emplace_back([this, url] {
        const std::string body = run_body("python3", "print('fine')");
        while (!stop_) {
          const Reply reply = http("POST", url, body);
          const bool fine = reply.status == 200 && reply.body.find("fine") != std::string::npos;
          if (!fine) note(std::to_string(reply.status) + " " + reply.problem + reply.body);
          ++(fine ? right_ : wrong_);
        }
      });
    }
  }
  ~Load() { end(); }

  void end() {
    stop_ = true;
    for (auto& client : clients_) client.join();
    clients_.clear();
  }
  // Runs that began after this moment are answered, too.
  bool goes_on() {
    const int before = right_;
    return eventually(kPatienceMs, [&] { return right_ > before + 12; });
  }
  int wrong() const { return wrong_; }
  std::string problem() const { return problem_; }  // the last one; after end()

 private:
  void note(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    problem_ = problem;
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> right_ = 0;
  std::atomic<int> wrong_ = 0;
  std::mutex mutex_;
  std::string problem_;
  std::vector<std::thread> clients_;
};

}  // namespace

TEST_SUITE_BEGIN("e2e upgrade");

TEST_CASE("master and agents are replaced under load, and no run fails") {
  const Folder folder;
  Service master(folder.path());
  std::vector<std::unique_ptr<Process>> sandboxes;
  std::vector<std::unique_ptr<Process>> agents;
  std::vector<std::string> addresses;
  for (const std::string name : {"lab-1", "lab-2"}) {
    sandboxes.push_back(
        std::make_unique<Process>("trial-jobe",
                                  std::vector<std::string>{"--listen", "127.0.0.1:0", "--slots",
                                                           "2", "--data", folder.path()},
                                  folder.path()));
    addresses.push_back(sandboxes.back()->wait_ready().at("listen"));
    agents.push_back(start_agent(master, folder.path(), name, addresses.back()));
  }
  Load load(master.run_url());
  REQUIRE(load.goes_on());
  for (int i = 0; i < 3; ++i) {
    master.restart();
    CHECK(load.goes_on());
  }
  for (std::size_t i = 0; i < agents.size(); ++i) {
    const std::string name = "lab-" + std::to_string(i + 1);
    CHECK(master.docket({"agents", "drain", name, "--reason", "upgrade"}).status == 0);
    agents[i]->signal(SIGTERM);
    CHECK(agents[i]->wait_exit(kPatienceMs) == 0);
    agents[i] = start_agent(master, folder.path(), name, addresses[i]);
    CHECK(master.docket({"agents", "resume", name}).status == 0);
    CHECK(load.goes_on());
  }
  load.end();
  CHECK_MESSAGE(load.wrong() == 0, load.problem());
}

TEST_CASE("a socket that was kept for another address is given up") {
  const Folder folder;
  Service master(folder.path());
  const std::string before = master.jobe();
  // At the same port: the old socket is in the way until it is closed everywhere.
  const std::string port = before.substr(before.find(':'));
  master.move_to("0.0.0.0" + port);
  CHECK(master.jobe() == "0.0.0.0" + port);
  CHECK(http("GET", "http://127.0.0.2" + port + "/jobe/index.php/restapi/languages").status == 200);
  master.move_to("127.0.0.2" + port);
  CHECK(master.jobe() == "127.0.0.2" + port);
  const auto ask = [](const std::string& address) {
    return http("GET", "http://" + address + "/jobe/index.php/restapi/languages").status;
  };
  CHECK(ask(master.jobe()) == 200);
  CHECK(ask(before) == 0);
}

TEST_SUITE_END();
