// A cluster on which faults are done: every program of it can be told to die at a call, be killed,
// stopped, and started again as it was, on the same address and data. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/cluster.h"

namespace docket::e2e {

// Where a process shall die, or, with hold_ms, stop for so long (points.h).
struct Death {
  std::vector<std::string> steps;
  int delay_ms = 0;
  int hold_ms = 0;
};

class Node {
 public:
  using Options = std::map<std::string, std::string>;  // without the dashes

  // `before` stands in front of the program's name on the command line.
  Node(const std::string& program, const std::string& name, const std::string& folder,
       Options options, std::vector<std::string> before = {});

  void start(const Death& death = {});
  std::map<std::string, std::string> wait_ready() { return process_->wait_ready(); }
  // An option that the next start() uses.
  void set(const std::string& option, const std::string& value) { options_[option] = value; }
  const std::string& option(const std::string& name) const { return options_.at(name); }
  bool has(const std::string& option) const { return options_.contains(option); }
  const std::vector<std::string>& before() const { return before_; }

  bool up() { return process_ && process_->alive(); }
  Process& process() { return *process_; }
  const std::string& name() const { return name_; }
  // Fails the test unless it has died by its own kill -9 at the last of the steps.
  void must_die_at(const Death& death);
  // Where it has been stopped; empty: nowhere yet.
  std::string stopped_at() const;

 private:
  const std::string program_;
  const std::string name_;
  const std::string folder_;
  Options options_;
  const std::vector<std::string> before_;
  std::unique_ptr<Process> process_;
};

struct RigSetup {
  int hosts = 2;
  // Of the master, for the agents; on another address the link is encrypted.
  std::string listen = "127.0.0.1";
  std::vector<std::string> far_command = {};  // the first `far_hosts` are started by this
  int far_hosts = 0;
  std::string master_data = {};  // default: a folder of the rig
  std::string agent_data = {};   // of the first agent; likewise
};

class Rig {
 public:
  explicit Rig(const RigSetup& setup = {});
  ~Rig();

  // Everything, in order, until each agent has been welcomed. `dying` shall die; it must get ready
  // before that, unless it is an agent.
  void start(const Node* dying = nullptr, const Death& death = {});
  void start_master(const Death& death = {});
  void start_host(std::size_t host, const Node* dying = nullptr, const Death& death = {});
  // Starts again what is down, and waits until every agent is there.
  void heal();

  Node& master() { return *master_; }
  Node& agent(std::size_t host) { return *agents_.at(host); }
  Node& sandbox(std::size_t host) { return *sandboxes_.at(host); }

  std::string jobe() const { return "http://" + master_->option("jobe-listen"); }
  std::string ops(const std::string& rest) const {
    return "http://" + master_->option("ops-listen") + rest;
  }
  nlohmann::json status() const { return http("GET", ops("/api/v1/status")).json(); }
  std::string agent_state(const std::string& name) const;
  bool all_active() const;
  std::vector<nlohmann::json> jobs() const;            // whole, with their timelines
  int attempts_that(const std::string& ending) const;  // ended so, over all jobs

  // How often the program with each token has been started, whatever was killed meanwhile.
  std::map<std::string, int> programs_started() const;
  // Moves the wall clock of every program of the rig, at once.
  void set_clock(std::int64_t offset_s);
  const std::string& folder() const { return folder_.path(); }
  const std::string& master_data() const { return master_->option("data"); }
  std::size_t results_kept(std::size_t host) const;  // on the agent's disk

 private:
  void join(Node& agent);

  const bool plain_;
  Folder folder_;
  std::unique_ptr<Node> master_;
  std::vector<std::unique_ptr<Node>> agents_;
  std::vector<std::unique_ptr<Node>> sandboxes_;
};

}  // namespace docket::e2e
