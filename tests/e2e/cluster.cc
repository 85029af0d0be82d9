#include "tests/e2e/cluster.h"

#include <curl/curl.h>
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>

namespace docket::e2e {
namespace {

std::size_t append(char* data, std::size_t, std::size_t size, void* user) {
  static_cast<std::string*>(user)->append(data, size);
  return size;
}

std::size_t keep_header(char* data, std::size_t, std::size_t size, void* user) {
  std::string line(data, size);
  const auto colon = line.find(':');
  if (colon == std::string::npos) return size;
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return tolower(c); });
  std::string value = line.substr(colon + 1);
  value.erase(0, value.find_first_not_of(' '));
  value.erase(value.find_last_not_of("\r\n") + 1);
  (*static_cast<std::map<std::string, std::string>*>(user))[name] = value;
  return size;
}

}  // namespace

nlohmann::json Reply::json() const {
  auto parsed = nlohmann::json::parse(body, nullptr, false);
  REQUIRE_MESSAGE(!parsed.is_discarded(), "not JSON: " << status << " " << body << problem);
  return parsed;
}

Reply http(const std::string& method, const std::string& url, const std::string& body,
           const std::vector<std::string>& headers) {
  Reply reply;
  CURL* easy = curl_easy_init();
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT, 180L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &reply.headers);
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  const CURLcode code = curl_easy_perform(easy);
  if (code == CURLE_OK) {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  } else {
    reply.problem = curl_easy_strerror(code);
  }
  curl_slist_free_all(list);
  curl_easy_cleanup(easy);
  return reply;
}

std::vector<Reply> post_all(const std::string& url, const std::vector<std::string>& bodies,
                            const std::vector<std::string>& headers) {
  std::vector<Reply> replies(bodies.size());
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    clients.emplace_back([&, i] { replies[i] = http("POST", url, bodies[i], headers); });
  }
  for (auto& client : clients) client.join();
  return replies;
}

std::string run_body(const std::string& language, const std::string& source, nlohmann::json more) {
  nlohmann::json run_spec = {{"language_id", language}, {"sourcecode", source}};
  run_spec.update(more);
  return nlohmann::json{{"run_spec", run_spec}}.dump();
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "docket-e2e-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
  // Sandboxes keep their work folders in it and run programs as other users.
  std::filesystem::permissions(path_, std::filesystem::perms(0711));
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Cluster::Cluster(std::vector<std::string> master_options, Link link)
    : link_(link), master_options_(std::move(master_options)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  REQUIRE(ready == CURLE_OK);
  start_master("127.0.0.1:0", "127.0.0.1:0", "tcp://127.0.0.1:0");
}

void Cluster::start_master(const std::string& jobe, const std::string& ops,
                           const std::string& agents) {
  std::vector<std::string> arguments = {
      "--jobe-listen",   jobe,   "--ops-listen", ops,
      "--agents-listen", agents, "--data",       folder() + "/master"};
  if (link_ == Link::plain) arguments.push_back("--plain-link");
  arguments.insert(arguments.end(), master_options_.begin(), master_options_.end());
  master_ = std::make_unique<Process>("docket-master", arguments, folder());
  facts_ = master_->wait_ready();
}

void Cluster::restart_master() {
  master_->kill_now();
  start_master(facts_.at("jobe"), facts_.at("ops"), facts_.at("agents"));
}

void Cluster::restart_master(std::vector<std::string> options) {
  master_options_ = std::move(options);
  restart_master();
}

Sandbox Cluster::start_sandbox(int slots, const std::string& listen) {
  Sandbox sandbox;
  sandbox.process =
      std::make_unique<Process>("trial-jobe",
                                std::vector<std::string>{"--listen", listen, "--slots",
                                                         std::to_string(slots), "--data", folder()},
                                folder());
  sandbox.address = sandbox.process->wait_ready().at("listen");
  return sandbox;
}

std::unique_ptr<Process> Cluster::start_agent(const std::string& name, const std::string& jobe,
                                              std::vector<std::string> options) {
  std::vector<std::string> arguments = {
      "--master", facts_.at("agents"),        "--jobe", "http://" + jobe, "--name", name,
      "--data",   folder() + "/agent-" + name};
  if (link_ == Link::plain) {
    arguments.push_back("--plain-link");
  } else {
    arguments.insert(arguments.end(), {"--master-key", facts_.at("link")});
  }
  arguments.insert(arguments.end(), options.begin(), options.end());
  return std::make_unique<Process>("docket-agent", arguments, folder());
}

void Cluster::add_host(const std::string& name, int slots, int sandbox_slots) {
  sandboxes_[name] = start_sandbox(sandbox_slots == 0 ? slots : sandbox_slots);
  agents_[name] = start_agent(name, sandboxes_[name].address, {"--slots", std::to_string(slots)});
  const auto facts = agents_[name]->wait_ready();
  CHECK(facts.at("name") == name);
}

std::string Cluster::jobe(const std::string& rest) const {
  return "http://" + facts_.at("jobe") + "/jobe/index.php/restapi/" + rest;
}

std::string Cluster::ops(const std::string& rest) const {
  return ops_url() + rest;
}

Reply Cluster::run(const std::string& language, const std::string& source,
                   nlohmann::json more) const {
  return http("POST", jobe("runs"), run_body(language, source, std::move(more)));
}

std::string Cluster::submit(const std::string& language, const std::string& source,
                            nlohmann::json more) const {
  const Reply reply = http("POST", jobe("runs"), run_body(language, source, std::move(more)),
                           {"Prefer: respond-async"});
  REQUIRE(reply.status == 202);
  return reply.json().get<std::string>();
}

Reply Cluster::result(const std::string& id) const {
  return http("GET", jobe("runresults/" + id));
}

nlohmann::json Cluster::job(const std::string& id) const {
  return http("GET", ops("/api/v1/jobs/" + id)).json();
}

nlohmann::json Cluster::status() const {
  return http("GET", ops("/api/v1/status")).json();
}

nlohmann::json Cluster::agent(const std::string& name) const {
  const nlohmann::json answer = http("GET", ops("/api/v1/agents")).json();
  for (const auto& agent : answer.at("agents")) {
    if (agent.at("name") == name) return agent;
  }
  return nullptr;
}

Ended Cluster::docket(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"--master", ops_url()});
  return e2e::run("docket", std::move(arguments), folder());
}

nlohmann::json Cluster::sandbox_stats(const std::string& name) const {
  return http("GET", "http://" + sandboxes_.at(name).address + "/trial/stats").json();
}

}  // namespace docket::e2e
