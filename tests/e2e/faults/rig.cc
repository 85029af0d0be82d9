#include "tests/e2e/faults/rig.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace docket::e2e {
namespace {

namespace fs = std::filesystem;
constexpr int kDeathMs = 40'000;  // a point that has not been reached by then never will

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

// "after send POST *" → "after send"
std::string call_of(const std::string& step) {
  return step.substr(0, step.find_first_of(" *", step.find(' ') + 1));
}

}  // namespace

Node::Node(const std::string& program, const std::string& name, const std::string& folder,
           Options options, std::vector<std::string> before)
    : program_(program),
      name_(name),
      folder_(folder),
      options_(std::move(options)),
      before_(std::move(before)) {}

void Node::start(const Death& death) {
  const std::string mark = folder_ + "/died-" + name_;
  std::error_code ignored;
  fs::remove(mark, ignored);
  std::vector<std::string> command = before_;
  command.push_back(program(program_));
  for (const auto& [option, value] : options_) {
    command.push_back("--" + option);
    if (!value.empty()) command.push_back(value);  // a flag has none
  }
  std::vector<std::string> environment = {"LD_PRELOAD=" + program("libdocket-faults.so"),
                                          "DOCKET_FAULT_PROGRAMS=" + folder_ + "/programs",
                                          "DOCKET_FAULT_CLOCK=" + folder_ + "/clock",
                                          "DOCKET_FAULT_MARK=" + mark};
  if (!death.steps.empty()) {
    environment.push_back("DOCKET_FAULT_STEPS=" + joined(death.steps));
    environment.push_back("DOCKET_FAULT_DELAY_MS=" + std::to_string(death.delay_ms));
    environment.push_back("DOCKET_FAULT_HOLD_MS=" + std::to_string(death.hold_ms));
  }
  const std::string first = command.front();
  command.erase(command.begin());
  process_.reset();  // gone before another takes its place
  process_ = std::make_unique<Process>(first, command, folder_, environment);
}

void Node::must_die_at(const Death& death) {
  const auto status = process_->wait_exit(kDeathMs);
  REQUIRE_MESSAGE(status.has_value(), name_ << " lives: it never came to " << joined(death.steps)
                                            << "\n"
                                            << process_->err());
  REQUIRE_MESSAGE(*status == 128 + SIGKILL,
                  name_ << " ended with " << *status << " " << process_->err());
  const std::string mark = stopped_at();
  REQUIRE_MESSAGE(mark.starts_with(call_of(death.steps.back())), name_ << " died at: " << mark);
}

std::string Node::stopped_at() const {
  return read_file(folder_ + "/died-" + name_);
}

Rig::Rig(const RigSetup& setup) : plain_(setup.listen == RigSetup().listen) {
  std::ofstream(folder() + "/clock") << std::string(8, '\0');
  const std::string data = setup.master_data.empty() ? folder() + "/master" : setup.master_data;
  master_ = std::make_unique<Node>("docket-master", "master", folder(),
                                   Node::Options{{"jobe-listen", "127.0.0.1:0"},
                                                 {"ops-listen", "127.0.0.1:0"},
                                                 {"agents-listen", "tcp://" + setup.listen + ":0"},
                                                 {"retention-days", "30"},
                                                 {"data", data}});
  for (int i = 0; i < setup.hosts; ++i) {
    const std::string host = "lab-" + std::to_string(i + 1);
    const bool own_data = i == 0 && !setup.agent_data.empty();
    const auto before = i < setup.far_hosts ? setup.far_command : std::vector<std::string>{};
    sandboxes_.push_back(std::make_unique<Node>(
        "trial-jobe", "sandbox-" + host, folder(),
        Node::Options{{"listen", "127.0.0.1:0"}, {"slots", "2"}, {"data", folder()}}, before));
    agents_.push_back(std::make_unique<Node>(
        "docket-agent", host, folder(),
        Node::Options{{"name", host},
                      {"slots", "2"},
                      {"data", own_data ? setup.agent_data : folder() + "/agent-" + host}},
        before));
    if (plain_) agents_.back()->set("plain-link", "");
  }
  if (plain_) master_->set("plain-link", "");
}

// Once a host: its agent starts as it is from then on.
void Rig::join(Node& agent) {
  const auto made =
      http("POST", ops("/api/v1/agents/tokens"), "{}", {"Content-Type: application/json"});
  REQUIRE(made.status == 201);
  const std::string config = folder() + "/" + agent.name() + ".toml";
  std::ofstream(config) << "slots = " << agent.option("slots") << "\n";
  std::vector<std::string> command = agent.before();
  command.insert(command.end(),
                 {program("docket-agent"), "join", made.json().at("token").get<std::string>(),
                  "--name", agent.name(), "--data", agent.option("data"), "--jobe",
                  agent.option("jobe"), "--config", config});
  const std::string first = command.front();
  command.erase(command.begin());
  const Ended ended = run(first, command, folder());
  REQUIRE_MESSAGE(ended.status == 0, ended.err);
  agent.set("master-key", http("GET", ops("/api/v1/link")).json().at("public_key"));
}

// A sandbox that is killed while it starts a program can leave a bubblewrap behind that waits for
// ever (tests/trial_jobe/README.md): it is known by our folder on its command line.
Rig::~Rig() {
  agents_.clear();
  sandboxes_.clear();
  master_.reset();
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/proc", none)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == ::getpid()) continue;
    const std::string command = read_file(entry.path().string() + "/cmdline");
    if (command.find(folder() + "/") != std::string::npos) ::kill(pid, SIGKILL);
  }
}

void Rig::start(const Node* dying, const Death& death) {
  start_master(dying == master_.get() ? death : Death{});
  for (std::size_t host = 0; host < agents_.size(); ++host) start_host(host, dying, death);
}

void Rig::start_master(const Death& death) {
  master_->start(death);
  const auto facts = master_->wait_ready();
  master_->set("jobe-listen", facts.at("jobe"));
  master_->set("ops-listen", facts.at("ops"));
  master_->set("agents-listen", facts.at("agents"));
}

void Rig::start_host(std::size_t host, const Node* dying, const Death& death) {
  Node& sandbox = *sandboxes_.at(host);
  Node& agent = *agents_.at(host);
  sandbox.start(&sandbox == dying ? death : Death{});
  sandbox.set("listen", sandbox.wait_ready().at("listen"));
  agent.set("jobe", "http://" + sandbox.option("listen"));
  agent.set("master", master_->option("agents-listen"));
  if (!plain_ && !agent.has("master-key")) join(agent);
  agent.start(&agent == dying ? death : Death{});
  if (&agent == dying) return;
  agent.wait_ready();
  if (!plain_) {  // canaries would be among the faults
    CHECK(http("POST", ops("/api/v1/agents/" + agent.name() + "/resume")).status == 204);
  }
}

void Rig::heal() {
  std::vector<Node*> started;
  const auto start = [&](Node& node) {
    if (node.up()) return;
    node.start();
    started.push_back(&node);
  };
  start(*master_);
  for (auto& sandbox : sandboxes_) start(*sandbox);
  for (auto& agent : agents_) start(*agent);
  for (Node* node : started) node->wait_ready();
  CHECK(eventually(60'000, [&] { return all_active(); }));
}

std::string Rig::agent_state(const std::string& name) const {
  const auto agents = http("GET", ops("/api/v1/agents")).json();
  for (const auto& agent : agents.at("agents")) {
    if (agent.at("name") == name) return agent.at("state");
  }
  return "";
}

bool Rig::all_active() const {
  return std::all_of(agents_.begin(), agents_.end(),
                     [&](const auto& agent) { return agent_state(agent->name()) == "active"; });
}

std::vector<nlohmann::json> Rig::jobs() const {
  std::vector<nlohmann::json> jobs;
  const auto listed = http("GET", ops("/api/v1/jobs?limit=1000")).json();
  for (const auto& job : listed.at("jobs")) {
    jobs.push_back(http("GET", ops("/api/v1/jobs/" + job.at("id").get<std::string>())).json());
  }
  return jobs;
}

int Rig::attempts_that(const std::string& ending) const {
  int attempts = 0;
  for (const auto& job : jobs()) {
    for (const auto& attempt : job.at("timeline")) attempts += attempt.at("ending") == ending;
  }
  return attempts;
}

std::map<std::string, int> Rig::programs_started() const {
  std::map<std::string, int> started;
  std::ifstream file(folder() + "/programs");
  for (std::string token; std::getline(file, token);) ++started[token];
  return started;
}

void Rig::set_clock(std::int64_t offset_s) {
  std::fstream file(folder() + "/clock", std::ios::in | std::ios::out | std::ios::binary);
  file.write(reinterpret_cast<const char*>(&offset_s), sizeof offset_s);
  REQUIRE(file.flush());
}

std::size_t Rig::results_kept(std::size_t host) const {
  std::size_t kept = 0;
  std::error_code none;
  for (const auto& entry :
       fs::directory_iterator(agents_.at(host)->option("data") + "/results", none)) {
    kept += entry.path().extension() == ".result" ? 1 : 0;
  }
  return kept;
}

}  // namespace docket::e2e
