// A real cluster on loopback for a test: master, agents, trial sandboxes, in a folder of its own,
// and a client of the Jobe API. One thread, except post_all().
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/process.h"

namespace docket::e2e {

struct Reply {
  long status = 0;  // 0: no answer
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string problem;                         // when status is 0

  nlohmann::json json() const;  // fails the test when the body is none
};

Reply http(const std::string& method, const std::string& url, const std::string& body = "",
           const std::vector<std::string>& headers = {});
// All at the same time, one connection each.
std::vector<Reply> post_all(const std::string& url, const std::vector<std::string>& bodies,
                            const std::vector<std::string>& headers = {});

// The body of POST runs.
std::string run_body(const std::string& language, const std::string& source,
                     nlohmann::json more = nlohmann::json::object());

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Sandbox {
  std::unique_ptr<Process> process;
  std::string address;  // H:P
};

// Between master and agents. A host of an encrypted one must have joined before its agent starts.
enum class Link { plain, encrypted };

class Cluster {
 public:
  // Starts the master alone.
  explicit Cluster(std::vector<std::string> master_options = {}, Link link = Link::plain);

  // One trial sandbox, and an agent beside it that the master has welcomed.
  void add_host(const std::string& name, int slots, int sandbox_slots = 0);
  // Address "H:P" chooses the port; ":0" any.
  Sandbox start_sandbox(int slots, const std::string& listen = "127.0.0.1:0");
  std::unique_ptr<Process> start_agent(const std::string& name, const std::string& jobe,
                                       std::vector<std::string> options = {});
  // On the same addresses and data as before.
  void restart_master();
  // And with these options from now on.
  void restart_master(std::vector<std::string> options);

  std::string jobe(const std::string& rest) const;  // a URL of the Jobe listener
  std::string ops(const std::string& rest) const;
  std::string agents_url() const { return facts_.at("agents"); }
  std::string link_key() const { return facts_.at("link"); }  // the master's public one
  std::string jobe_url() const { return "http://" + facts_.at("jobe"); }
  std::string ops_url() const { return "http://" + facts_.at("ops"); }

  Reply run(const std::string& language, const std::string& source,
            nlohmann::json more = nlohmann::json::object()) const;
  // Submits with Prefer: respond-async and returns the id.
  std::string submit(const std::string& language, const std::string& source,
                     nlohmann::json more = nlohmann::json::object()) const;
  Reply result(const std::string& id) const;
  nlohmann::json job(const std::string& id) const;  // from /api/v1
  nlohmann::json status() const;
  nlohmann::json agent(const std::string& name) const;  // null when there is none

  // The docket command against this master.
  Ended docket(std::vector<std::string> arguments) const;

  const std::string& folder() const { return folder_.path(); }
  Process& master() { return *master_; }
  Process& agent_process(const std::string& name) { return *agents_.at(name); }
  Sandbox& sandbox(const std::string& name) { return sandboxes_.at(name); }
  nlohmann::json sandbox_stats(const std::string& name) const;

 private:
  void start_master(const std::string& jobe, const std::string& ops, const std::string& agents);

  const Link link_;
  Folder folder_;
  std::vector<std::string> master_options_;
  std::unique_ptr<Process> master_;
  std::map<std::string, std::string> facts_;
  std::map<std::string, Sandbox> sandboxes_;
  std::map<std::string, std::unique_ptr<Process>> agents_;
};

}  // namespace docket::e2e
