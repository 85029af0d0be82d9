// Asynchronous use: ids instead of results, waiting, asking again, cancelling, requests made twice,
// clients that leave.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "protocol/base/address.h"
#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

namespace {

constexpr const char* kHello = "print('hello')";
constexpr const char* kSleep = "import time; time.sleep(3); print('slept')";

Reply post_run(const Cluster& cluster, const std::string& body,
               const std::vector<std::string>& headers) {
  return http("POST", cluster.jobe("runs"), body, headers);
}

std::string id_of(const Reply& accepted) {
  REQUIRE(accepted.status == 202);
  const std::string id = accepted.json().get<std::string>();
  CHECK(accepted.headers.at("location") == "/jobe/index.php/restapi/runresults/" + id);
  return id;
}

long delete_run(const Cluster& cluster, const std::string& id) {
  return http("DELETE", cluster.jobe("runresults/" + id)).status;
}

std::string state_of(const Cluster& cluster, const std::string& id) {
  return cluster.job(id)["state"].get<std::string>();
}

bool idle(const Cluster& cluster) {
  return eventually(20'000, [&] {
    const auto status = cluster.status();
    return status["queued"] == 0 && status["running"] == 0;
  });
}

// A client that posts a run and hangs up without reading the answer.
class Leaver {
 public:
  Leaver(const std::string& url, const std::string& body) {
    const std::string host = url.substr(7, url.find('/', 7) - 7);
    const auto address = parse_address("url", host);
    REQUIRE(address.ok());
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address->port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    const std::string request = "POST /jobe/index.php/restapi/runs HTTP/1.1\r\nHost: x\r\n" +
                                std::string("Content-Length: ") + std::to_string(body.size()) +
                                "\r\n\r\n" + body;
    REQUIRE(::send(fd_, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  }
  ~Leaver() { leave(); }
  Leaver(const Leaver&) = delete;
  Leaver& operator=(const Leaver&) = delete;
  void leave() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace

TEST_SUITE("e2e asynchronous") {
  TEST_CASE("the id first, the result when asked for, or waited for") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);

    const Reply accepted =
        post_run(cluster, run_body("python3", kSleep), {"Prefer: respond-async"});
    const std::string id = id_of(accepted);
    CHECK(accepted.headers.at("preference-applied") == "respond-async");
    CHECK(cluster.result(id).status == 204);
    const Reply pending = http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=1"});
    CHECK(pending.status == 204);
    CHECK(pending.headers.at("preference-applied") == "wait=1");
    const Reply result = http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=20"});
    REQUIRE(result.status == 200);
    CHECK(result.json()["stdout"] == "slept\n");
    CHECK(result.json()["run_id"] == id);
    CHECK(cluster.result(id).body == result.body);

    const Reply quick = post_run(cluster, run_body("python3", kHello), {"Prefer: wait=20"});
    CHECK(quick.status == 200);
    CHECK(quick.json()["stdout"] == "hello\n");
    CHECK(quick.headers.at("preference-applied") == "wait=20");
    const Reply slow = post_run(cluster, run_body("python3", kSleep), {"Prefer: wait=1"});
    const std::string slow_id = id_of(slow);
    CHECK(slow.headers.at("preference-applied") == "wait=1");
    CHECK(http("GET", cluster.jobe("runresults/" + slow_id), "", {"Prefer: wait=20"})
              .json()["stdout"] == "slept\n");
  }

  TEST_CASE("an unknown run, a cancelled one and a deleted one: 404 says which") {
    Cluster cluster;
    const Reply never = cluster.result("01aaaaaaaaaaaaaaaaaaaaaaaa");
    CHECK(never.status == 404);
    CHECK(never.body == "\"The result of this run has expired: results are kept for 30 days\"");
    CHECK(cluster.result("nonsense").body == "\"There is no run with this id\"");
    CHECK(delete_run(cluster, "nonsense") == 404);

    cluster.add_host("lab-1", 1);
    const std::string done = cluster.submit("python3", kHello);
    CHECK(http("GET", cluster.jobe("runresults/" + done), "", {"Prefer: wait=20"}).status == 200);
    CHECK(delete_run(cluster, done) == 204);
    CHECK(cluster.result(done).body == "\"There is no run with this id\"");
    CHECK(delete_run(cluster, done) == 404);

    const std::string running = cluster.submit("python3", kSleep);
    REQUIRE(eventually(10'000, [&] { return state_of(cluster, running) == "running"; }));
    const std::string queued = cluster.submit("python3", kHello);
    const std::string behind = cluster.submit("python3", kHello);
    CHECK(delete_run(cluster, queued) == 204);
    CHECK(delete_run(cluster, running) == 204);
    for (const auto& id : {queued, running}) {
      CHECK(state_of(cluster, id) == "cancelled");
      CHECK(cluster.result(id).status == 404);
      CHECK(cluster.result(id).body == "\"This run was cancelled\"");
    }
    // Jobe cannot stop the program: its slot stays taken until it has ended.
    CHECK(cluster.agent("lab-1")["running"] == 1);
    CHECK(http("GET", cluster.jobe("runresults/" + behind), "", {"Prefer: wait=20"}).status == 200);
    CHECK(cluster.sandbox_stats("lab-1")["max_running"] == 1);
    CHECK(cluster.sandbox_stats("lab-1")["runs"] == 3);
  }

  TEST_CASE("a request that is made twice runs once, over a kill -9 as well") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    const std::string body = run_body("python3", kSleep);
    const std::string named = "Idempotency-Key: \"exam-1\"";
    const std::string id = id_of(post_run(cluster, body, {"Prefer: respond-async", named}));
    CHECK(id_of(post_run(cluster, body, {"Prefer: respond-async", named})) == id);
    const Reply other = post_run(cluster, run_body("python3", kHello), {named});
    CHECK(other.status == 422);
    CHECK(other.body.find("Idempotency-Key") != std::string::npos);

    cluster.master().kill_now();
    cluster.restart_master();
    const Reply waited = post_run(cluster, body, {named});  // joins the run it made before
    REQUIRE(waited.status == 200);
    CHECK(waited.json()["run_id"] == id);
    CHECK(waited.json()["stdout"] == "slept\n");
    CHECK(post_run(cluster, body, {named}).body == waited.body);
    CHECK(cluster.sandbox_stats("lab-1")["runs"] == 1);

    CHECK(delete_run(cluster, id) == 204);
    const Reply anew = post_run(cluster, body, {named});
    REQUIRE(anew.status == 200);
    CHECK(anew.json()["run_id"] != id);
    const Reply wrong = post_run(cluster, body, {"Idempotency-Key: \"\""});
    CHECK(wrong.status == 400);
  }

  TEST_CASE("a client that leaves: its waiting run is cancelled, no slot is lost") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string blocker = cluster.submit("python3", kSleep);
    REQUIRE(eventually(10'000, [&] { return state_of(cluster, blocker) == "running"; }));
    {
      std::vector<std::unique_ptr<Leaver>> leavers;
      for (int i = 0; i < 20; ++i) {
        leavers.push_back(
            std::make_unique<Leaver>(cluster.jobe("runs"), run_body("python3", kHello)));
      }
      REQUIRE(eventually(10'000, [&] { return cluster.status()["queued"] == 20; }));
    }
    CHECK(eventually(10'000, [&] { return cluster.status()["queued"] == 0; }));
    CHECK(cluster.run("python3", kHello).json()["stdout"] == "hello\n");
    CHECK(cluster.sandbox_stats("lab-1")["runs"] == 2);  // theirs were not begun
    CHECK(idle(cluster));
    CHECK(cluster.agent("lab-1")["running"] == 0);
  }

  TEST_CASE("a bound is reached: 21 for who waits, 503 for who does not; the page counts them") {
    Cluster cluster({"--queue-jobs", "1", "--queue-wait", "2"});
    cluster.add_host("lab-1", 1);
    const std::string running = cluster.submit("python3", kSleep);
    REQUIRE(eventually(10'000, [&] { return state_of(cluster, running) == "running"; }));
    const std::string waiting = cluster.submit("python3", kHello);
    const Reply synchronous = cluster.run("python3", kHello);
    CHECK(synchronous.status == 200);
    CHECK(synchronous.json()["outcome"] == 21);
    const Reply asynchronous =
        post_run(cluster, run_body("python3", kHello), {"Prefer: respond-async"});
    CHECK(asynchronous.status == 503);
    CHECK(asynchronous.headers.at("retry-after") == "10");
    CHECK(asynchronous.body == "\"Docket takes no more runs now: the queue is full: 1 jobs\"");
    CHECK(eventually(10'000, [&] { return state_of(cluster, waiting) == "expired"; }));
    CHECK(cluster.result(waiting).json()["outcome"] == 21);
    const auto status = cluster.status();
    CHECK(status["refused"] == 2);
    CHECK(status["last_refusal"] == "the queue is full: 1 jobs");
    CHECK(status["expired"] == 1);
  }
}
