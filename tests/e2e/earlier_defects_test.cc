// What the reverse proxy for Jobe that came before Docket did wrong; each defect has a test.
//
// A 400 that the student's own request caused marks every host dead in turn:
//   "a 400 is the request's own fault"; runs_test, "a bad request costs the sandbox nothing"
// Outcome 21 is passed on as success:
//   "a sandbox's outcome 21 is never an answer"
// file_list absent gives 500:
//   "file_list may be absent"
// File ids are joined to paths unchecked:
//   "file ids never leave the store"
// A failed file push counts as success:
//   "a failed push of a file is a failed attempt"
// The API key is never sent:
//   "the agent sends its sandbox's API key and tells it to nobody else"
// Half-written files are served:
//   "half a file is no file"
// A crashed refresh of the languages hangs every request:
//   "a refresh of languages that hangs or fails holds up nobody"
// Weights that sum to 0 crash it:
//   "a weight of nothing is refused, and the others go on"; bad_input_test, "agent"
// Retries have no bound:
//   "retries are bounded"
// A timed-out run goes on while its copy starts:
//   "a program that is still running is not started again beyond the slots"; failures_test,
//   "a program that a killed agent left running keeps its slot" and
//   "a silent agent loses its run, and its late result is not delivered"
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>

#include "protocol/base/base64.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/raw_client.h"
#include "tests/e2e/stub_sandbox.h"

using namespace docket::e2e;

namespace {

namespace fs = std::filesystem;

// Agents beside stubs, in the order in which the master prefers them while all are idle.
class Hosts {
 public:
  explicit Hosts(Cluster& cluster) : cluster_(cluster) {}

  void add(const std::string& name, const StubSandbox& stub,
           std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"--slots", "1"});
    agents_.push_back(cluster_.start_agent(name, stub.address(), std::move(options)));
    agents_.back()->wait_ready();
  }

  bool well(const std::string& name) const {
    const auto agent = cluster_.agent(name);
    return agent["state"] == "active" && agent["host_faults"] == 0;
  }

  std::string log(std::size_t number) const { return agents_.at(number)->err(); }

 private:
  Cluster& cluster_;
  std::vector<std::unique_ptr<Process>> agents_;
};

std::string file_body(const std::string& content) {
  return nlohmann::json{{"file_contents", docket::base64_encode(content)}}.dump();
}

nlohmann::json with_file(const std::string& id, const std::string& name) {
  return {{"file_list", nlohmann::json::array({nlohmann::json::array({id, name})})}};
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> files_below(const std::string& folder) {
  std::set<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) paths.insert(entry.path().string());
  }
  return paths;
}

// Every attempt of the client's last job: "lab-1 file push failed, lab-2 ran".
std::string attempts(const Cluster& cluster, const Reply& reply) {
  std::string text;
  const auto job = cluster.job(reply.json()["run_id"].get<std::string>());
  for (const auto& attempt : job["timeline"]) {
    text += (text.empty() ? "" : ", ") + attempt["agent"].get<std::string>() + " " +
            attempt["ending"].get<std::string>();
  }
  return text;
}

}  // namespace

TEST_SUITE("e2e earlier defects") {
  TEST_CASE("a 400 is the request's own fault") {
    const StubSandbox::Behaviour picky = {.run = [](const auto& request) {
      const bool bad = request.body.find("refuse me") != std::string::npos;
      return bad ? answer(400, "\"Not like this\"") : ran(15, "fine\n");
    }};
    StubSandbox one(picky);
    StubSandbox two(picky);
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", one);
    hosts.add("lab-2", two);
    for (int i = 0; i < 10; ++i) {
      const Reply reply = cluster.run("python3", "refuse me");
      CHECK(reply.status == 400);
      CHECK(reply.body == "\"Not like this\"");
    }
    CHECK(one.runs() + two.runs() == 10);  // none was tried elsewhere
    CHECK(hosts.well("lab-1"));
    CHECK(hosts.well("lab-2"));
    for (int i = 0; i < 4; ++i) CHECK(cluster.run("python3", "x").json()["stdout"] == "fine\n");
    CHECK(one.runs() > 0);
    CHECK(two.runs() > 0);
  }

  TEST_CASE("a sandbox's outcome 21 is never an answer") {
    std::atomic<int> refusals = 5;
    StubSandbox full({.run = [&](const auto&) {
      return refusals.fetch_sub(1) > 0 ? ran(21) : ran(15, "at last\n");
    }});
    StubSandbox roomy({});
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", full);
    const Reply nowhere_else = cluster.run("python3", "x");
    CHECK(nowhere_else.json()["outcome"] == 15);
    CHECK(nowhere_else.json()["stdout"] == "at last\n");
    CHECK(full.runs() == 6);  // more often than a run may fail
    refusals = 1'000'000;
    hosts.add("lab-2", roomy);
    for (int i = 0; i < 6; ++i) {
      const Reply reply = cluster.run("python3", "x");
      CHECK(reply.json()["outcome"] == 15);
      CHECK(reply.json()["stdout"] == "stub\n");
    }
    CHECK(full.runs() > 3);  // it was asked, and its word was not taken
  }

  TEST_CASE("file_list may be absent") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.run("python3", "print(1)").json()["stdout"] == "1\n");
    CHECK(cluster.run("python3", "print(2)", {{"file_list", nullptr}}).json()["stdout"] == "2\n");
    CHECK(cluster.run("python3", "print(3)", {{"file_list", nlohmann::json::array()}})
              .json()["stdout"] == "3\n");
  }

  TEST_CASE("file ids never leave the store") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    // Once the right way, so that folders made on the way are there.
    CHECK(http("PUT", cluster.jobe("files/escapee01"), file_body("x")).status == 204);
    CHECK(cluster.run("python3", "print(1)", with_file("escapee01", "x")).status == 200);
    const auto before = files_below(cluster.folder());
    const std::string url = cluster.jobe("");
    const std::string address = url.substr(7, url.find('/', 7) - 7);
    const std::string body = file_body("escaped");
    for (const std::string& id : {std::string("../escapee02"),
                                  std::string("../../escapee02"),
                                  std::string("..%2fescapee02"),
                                  std::string("%2e%2e%2fescapee02"),
                                  std::string("%2e%2e/escapee02"),
                                  std::string("..%252fescapee02"),
                                  std::string("..%5cescapee02"),
                                  std::string("..\\escapee02"),
                                  std::string("....//escapee02"),
                                  std::string("a/../../escapee02"),
                                  std::string("es/f.escapee01"),
                                  std::string("../docket.db"),
                                  std::string("..%2fdocket.db"),
                                  std::string("/etc/passwd"),
                                  std::string("%2fetc%2fpasswd"),
                                  std::string("../../../../../../../../etc/passwd"),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("%2e%2e"),
                                  std::string("escapee02%00"),
                                  std::string("escapee02%2e"),
                                  std::string("~root"),
                                  std::string(300, 'a'),
                                  std::string(5'000, 'a')}) {
      CAPTURE(id);
      for (const std::string method : {"PUT", "HEAD", "GET", "DELETE"}) {
        CAPTURE(method);
        RawClient client(address);
        client.send(method + " /jobe/index.php/restapi/files/" + id +
                    " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
        const RawAnswer refused = client.answer(method == "HEAD");
        const bool well_formed = id.find_first_not_of('a') == std::string::npos;
        const int wrong_method = well_formed && (method == "GET" || method == "DELETE") ? 405 : 404;
        CHECK((refused.status == 400 || refused.status == wrong_method));
        CHECK(refused.body.find("root:") == std::string::npos);
      }
      // An id of any length is an id to Jobe; this one cannot be kept and so is missing.
      const bool too_long = id.size() >= 300;
      CHECK(cluster.run("python3", "print(1)", with_file(id, "x")).status ==
            (too_long ? 404 : 400));
      CHECK(cluster.run("python3", "print(1)", with_file("escapee01", id + "/x")).status == 400);
    }
    CHECK(files_below(cluster.folder()) == before);
  }

  TEST_CASE("a failed push of a file is a failed attempt") {
    // A sandbox has the file once it was put there.
    std::atomic<bool> has = false;
    const auto needs_file = [&](const auto&) { return has ? ran(15, "read it\n") : answer(404); };
    StubSandbox broken({.run = [](const auto&) { return answer(404); },
                        .put_file = [](const auto&) { return answer(500, "\"disk full\""); }});
    StubSandbox well({.run = needs_file, .put_file = [&](const auto&) {
                        has = true;
                        return answer(204);
                      }});
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", broken);
    CHECK(http("PUT", cluster.jobe("files/pushed0001"), file_body("content")).status == 204);
    const auto file = with_file("pushed0001", "data.txt");
    const Reply nowhere = cluster.run("python3", "x", file);
    CHECK(nowhere.json()["outcome"] == 20);
    CHECK(attempts(cluster, nowhere) ==
          "lab-1 file push failed, lab-1 file push failed, lab-1 file push failed");
    CHECK(broken.runs() == 3);  // never posted again as if the file were there
    hosts.add("lab-2", well);
    // At once, so that some go to lab-1 although lab-2 has the file.
    const std::vector<std::string> bodies(4, run_body("python3", "x", file));
    for (const Reply& reply : post_all(cluster.jobe("runs"), bodies)) {
      CHECK(reply.json()["stdout"] == "read it\n");
    }
    CHECK(broken.puts() > 3);
    CHECK(well.puts() == 1);
    CHECK_FALSE(hosts.well("lab-1"));
    CHECK(hosts.well("lab-2"));
  }

  TEST_CASE("the agent sends its sandbox's API key and tells it to nobody else") {
    const std::string key = "Kq7-secret-of-the-sandbox";
    const auto allowed = [&](const auto& request) { return request.header("x-api-key") == key; };
    const auto forbidden = [] { return answer(403, "Unknown API key"); };
    std::atomic<bool> has = false;
    StubSandbox::Behaviour keyed;
    keyed.run = [&](const auto& request) {
      if (!allowed(request)) return forbidden();
      return has ? ran(15, "with key\n") : answer(404);
    };
    keyed.put_file = [&](const auto& request) {
      if (!allowed(request)) return forbidden();
      has = true;
      return answer(204);
    };
    StubSandbox sandbox(keyed);
    Cluster cluster;
    const std::string key_file = cluster.folder() + "/jobe.key";
    std::ofstream(key_file) << key << "\n";
    CHECK(http("PUT", cluster.jobe("files/keyed00001"), file_body("content")).status == 204);
    const auto file = with_file("keyed00001", "data.txt");
    std::string command_line;
    std::string logs;

    const auto serve = [&](Process& agent) {
      agent.wait_ready();
      has = false;
      CHECK(cluster.run("python3", "x", file).json()["stdout"] == "with key\n");
      command_line += read_file("/proc/" + std::to_string(agent.pid()) + "/cmdline");
      logs += agent.err() + agent.out();
      agent.signal(SIGTERM);
      CHECK(agent.wait_exit(20'000) == 0);
    };
    const auto from_file = cluster.start_agent(
        "lab-1", sandbox.address(), {"--jobe-key-file", key_file, "--log-level", "debug"});
    serve(*from_file);
    Process from_environment(
        "docket-agent",
        {"--plain-link", "--master", cluster.agents_url(), "--jobe", "http://" + sandbox.address(),
         "--name", "lab-2", "--data", cluster.folder() + "/agent-lab-2", "--log-level", "debug"},
        cluster.folder(), {"DOCKET_JOBE_KEY=" + key});
    serve(from_environment);

    // Without it the student is not blamed, and the job says what is missing.
    const auto without = cluster.start_agent("lab-3", sandbox.address());
    without->wait_ready();
    const Reply reply = cluster.run("python3", "x");
    CHECK(reply.json()["outcome"] == 20);
    const auto job = cluster.job(reply.json()["run_id"].get<std::string>());
    CHECK(job.dump().find("Unknown API key") != std::string::npos);

    logs += without->err() + cluster.master().err() + http("GET", cluster.ops("/api/v1/jobs")).body;
    CHECK(logs.find(key) == std::string::npos);
    CHECK(command_line.find(key) == std::string::npos);
    for (const auto& path : files_below(cluster.folder())) {
      if (path != key_file) CHECK(read_file(path).find(key) == std::string::npos);
    }
  }

  TEST_CASE("half a file is no file") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string id = "halfwritten1";
    const std::string url = cluster.jobe("files/" + id);
    const std::string address = url.substr(7, url.find('/', 7) - 7);
    const std::string source =
        "d = open('data', 'rb').read(); print(len(d), ''.join(map(chr, set(d))))";
    // Sent by half, and the client is gone.
    const std::string whole = file_body(std::string(6'000'000, 'x'));
    {
      RawClient half(address);
      half.send("PUT /jobe/index.php/restapi/files/" + id + " HTTP/1.1\r\nHost: a\r\n" +
                "Content-Length: " + std::to_string(whole.size()) + "\r\n\r\n" +
                whole.substr(0, whole.size() / 2));
    }
    CHECK(http("HEAD", url).status == 404);
    // The master dies while it writes; later the file is replaced while it dies.
    for (int round = 0; round < 8; ++round) {
      CAPTURE(round);
      const char letter = static_cast<char>('a' + round);
      std::thread client([&] {
        [[maybe_unused]] const Reply cut =
            http("PUT", url, file_body(std::string(6'000'000, letter)));
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(4 * round));
      cluster.master().kill_now();
      client.join();
      cluster.restart_master();
      const long there = http("HEAD", url).status;
      CHECK((there == 404 || there == 204));
      if (there != 204) continue;
      const Reply reply = cluster.run("python3", source, with_file(id, "data"));
      const auto seen = reply.json()["stdout"].get<std::string>();
      CHECK(seen.size() == 10);  // "6000000 x\n": one letter only
      CHECK(seen.starts_with("6000000 "));
    }
  }

  TEST_CASE("a refresh of languages that hangs or fails holds up nobody") {
    StubSandbox well({});
    StubSandbox hangs({.languages = [](const auto&) { return std::nullopt; }});
    StubSandbox fails({.languages = [](const auto&) { return answer(500, "Traceback"); }});
    StubSandbox lies({.languages = [](const auto&) { return answer(200, "{\"python3\":"); }});
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", well);
    const auto hanging = cluster.start_agent("lab-2", hangs.address(), {"--slots", "1"});
    hosts.add("lab-3", fails);
    hosts.add("lab-4", lies);
    int answered = 0;
    const bool welcomed = eventually(30'000, [&] {
      CHECK(http("GET", cluster.jobe("languages")).body == R"([["python3","3.11.2"]])");
      CHECK(cluster.run("python3", "x").json()["stdout"] == "stub\n");
      ++answered;
      return !cluster.agent("lab-2").is_null();
    });
    CHECK(welcomed);
    CHECK(answered > 20);  // all the time that the refresh hung
    for (const char* name : {"lab-2", "lab-3", "lab-4"}) {
      CHECK(cluster.agent(name)["state"] == "active");
      CHECK(cluster.agent(name)["reason"] != "");
    }
    CHECK(well.runs() == answered);
    CHECK(hangs.runs() + fails.runs() + lies.runs() == 0);
  }

  TEST_CASE("a weight of nothing is refused, and the others go on") {
    StubSandbox sandbox({});
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", sandbox, {"--weight", "0.01"});  // the least there is
    for (const char* weight :
         {"0", "0.0", "-0", "-1", "nan", "NaN", "-nan", "inf", "1e300", "0.001", "x", "1;2"}) {
      CAPTURE(std::string(weight));
      const Ended ended = run("docket-agent",
                              {"--plain-link", "--master", cluster.agents_url(), "--name", "lab-2",
                               "--data", cluster.folder() + "/lab-2", "--weight", weight},
                              cluster.folder(), {}, 10'000);
      CHECK(ended.status == 2);
      CHECK(ended.err.find("weight") != std::string::npos);
      CHECK(cluster.run("python3", "x").json()["stdout"] == "stub\n");
    }
    CHECK(cluster.agent("lab-2").is_null());
  }

  TEST_CASE("retries are bounded") {
    const StubSandbox::Behaviour sick = {.run = [](const auto&) { return answer(500, "oops"); }};
    std::vector<std::unique_ptr<StubSandbox>> sandboxes;
    Cluster cluster;
    Hosts hosts(cluster);
    for (int i = 1; i <= 5; ++i) {
      sandboxes.push_back(std::make_unique<StubSandbox>(sick));
      hosts.add("lab-" + std::to_string(i), *sandboxes.back());
    }
    const Reply reply = cluster.run("python3", "x");
    CHECK(reply.json()["outcome"] == 20);
    const auto all_runs = [&] {
      int runs = 0;
      for (const auto& sandbox : sandboxes) runs += sandbox->runs();
      return runs;
    };
    CHECK(all_runs() == 3);
    // One broken connection after the other counts as well.
    StubSandbox cut({.run = [](const auto&) {
      auto nonsense = answer(200, "not a result");
      nonsense.close = true;
      return nonsense;
    }});
    Cluster other;
    Hosts one(other);
    one.add("lab-1", cut);
    CHECK(other.run("python3", "x").json()["outcome"] == 20);
    CHECK(cut.runs() == 3);
  }

  TEST_CASE("a program that is still running is not started again beyond the slots") {
    // A sandbox like Jobe: who hangs up does not stop his program.
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::mutex adding;
    std::vector<std::thread> programs;
    StubSandbox* sandbox = nullptr;
    StubSandbox::Behaviour like_jobe;
    like_jobe.run = [&](const auto& request) -> std::optional<docket::http::Response> {
      most = std::max<int>(most, ++running);
      const std::lock_guard lock(adding);
      programs.emplace_back([&, id = request.id] {
        std::this_thread::sleep_for(std::chrono::seconds(4));
        --running;
        sandbox->respond(id, ran(15, "to its end\n"));
      });
      return std::nullopt;
    };
    StubSandbox stub(like_jobe);
    sandbox = &stub;
    Cluster cluster;
    Hosts hosts(cluster);
    hosts.add("lab-1", stub);
    const nlohmann::json limit = {{"parameters", {{"cputime", 2}}}};
    const std::string first = cluster.submit("python3", "x", limit);
    const std::string second = cluster.submit("python3", "y", limit);
    REQUIRE(eventually(5'000, [&] { return running == 1; }));
    // Later than a kept connection that turns out to be dead, on which a POST is repeated.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    stub.break_connections();
    for (const std::string& id : {first, second}) {
      Reply reply;
      CHECK(eventually(60'000, [&] { return (reply = cluster.result(id)).status == 200; }));
      CHECK(reply.json()["stdout"] == "to its end\n");
    }
    CHECK(most.load() == 1);
    CHECK(stub.runs() == 3);
    for (std::thread& program : programs) program.join();
  }
}
