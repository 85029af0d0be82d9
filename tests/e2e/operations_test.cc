// What operators do over /api/v1, besides the browser: lists and pages of them, runs made again,
// support files.
#include <doctest/doctest.h>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;
using nlohmann::json;

namespace {

const std::vector<std::string> kJson = {"Content-Type: application/json"};

// The result of a run, waited for.
json ended(const Cluster& cluster, const std::string& id) {
  const Reply reply = http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=30"});
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  return reply.json();
}

}  // namespace

TEST_SUITE("e2e operations") {
  TEST_CASE("a list that has not changed is not sent again") {
    Cluster cluster;
    const Reply first = http("GET", cluster.ops("/api/v1/jobs"));
    REQUIRE(first.status == 200);
    const std::string tag = first.headers.at("etag");
    const Reply same = http("GET", cluster.ops("/api/v1/jobs"), "", {"If-None-Match: " + tag});
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    cluster.add_host("lab-1", 1);
    CHECK(cluster.run("python3", "print(1)").status == 200);
    const Reply changed = http("GET", cluster.ops("/api/v1/jobs"), "", {"If-None-Match: " + tag});
    CHECK(changed.status == 200);
    CHECK(changed.json()["jobs"].size() == 1);
  }

  TEST_CASE("a run is made again as it was: its program, its key, its client's id") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const auto retry = [&](const std::string& id) {
      return http("POST", cluster.ops("/api/v1/jobs/" + id + "/retry"));
    };
    const Reply made = http("POST", cluster.ops("/api/v1/keys"),
                            R"({"name":"exams","secret":"0123456789abcdef"})", kJson);
    REQUIRE(made.status == 204);
    const std::string body = run_body("python3", "import time; time.sleep(1); print(6 * 7)");
    const std::string runs = cluster.ops("/api/v1/runs?key=exams");
    CHECK(http("POST", runs, body).status == 415);
    CHECK(http("POST", cluster.ops("/api/v1/runs?key=nosuch"), body, kJson).status == 400);
    CHECK(http("POST", cluster.ops("/api/v1/runs?kye=exams"), body, kJson).status == 400);
    const Reply accepted = http("POST", runs, body,
                                {kJson[0], "Prefer: respond-async", "X-CodeRunner-Job-Id: quiz-7"});
    REQUIRE_MESSAGE(accepted.status == 202, accepted.body);
    const auto id = accepted.json().get<std::string>();
    CHECK(retry(id).status == 409);  // it has not ended
    http("GET", cluster.ops("/jobe/index.php/restapi/runresults/" + id), "", {"Prefer: wait=30"});
    const json first = cluster.job(id);
    CHECK(first["state"] == "done");
    CHECK(first["key"] == "exams");
    const Reply again = retry(id);
    REQUIRE_MESSAGE(again.status == 202, again.body);
    const auto second_id = again.json().get<std::string>();
    CHECK(second_id != id);
    http("GET", cluster.ops("/jobe/index.php/restapi/runresults/" + second_id), "",
         {"Prefer: wait=30"});
    const json second = cluster.job(second_id);
    CHECK(second["result"]["stdout"] == "42\n");
    CHECK(second["key"] == "exams");
    CHECK(second["client_job"] == "quiz-7");
    CHECK(second["run_spec"] == first["run_spec"]);
    CHECK(http("DELETE", cluster.ops("/api/v1/keys/exams")).status == 204);
    CHECK(retry(id).status == 409);  // its key is gone
    CHECK(retry("00000000000000000000000000").status == 404);
    CHECK(retry("nonsense").status == 404);
  }

  TEST_CASE("files are listed, kept while a run needs them, and removed") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const Reply put = http("PUT", cluster.jobe("files/abc"), R"({"file_contents":"NDI="})");
    REQUIRE(put.status == 204);
    const std::string id =
        cluster.submit("python3", "import time; print(open('a.txt').read()); time.sleep(2)",
                       {{"file_list", json::array({json::array({"abc", "a.txt"})})}});
    const auto remove = [&] { return http("DELETE", cluster.ops("/api/v1/files/abc")).status; };
    CHECK(remove() == 409);
    const json listed = http("GET", cluster.ops("/api/v1/files")).json();
    CHECK(listed["count"] == 1);
    CHECK(listed["files"][0]["id"] == "abc");
    CHECK(listed["files"][0]["needed"] == true);
    CHECK(ended(cluster, id)["stdout"] == "42\n");
    const std::string gc = cluster.ops("/api/v1/files/gc");
    CHECK(http("POST", gc, R"({"unused_days":1})", kJson).json()["removed"] == 0);
    CHECK(http("POST", gc, R"({"unused_days":1})").status == 415);
    CHECK(http("POST", gc, "{}", kJson).status == 400);
    CHECK(remove() == 204);
    CHECK(remove() == 404);
    CHECK(http("GET", cluster.ops("/api/v1/files")).json()["count"] == 0);
  }

  TEST_CASE("the command line lists by the same filters as the page") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.run("python3", "print(1)").status == 200);
    CHECK(cluster.run("python3", "print(").status == 200);
    const auto ids = [&](std::vector<std::string> options) {
      options.insert(options.begin(), {"jobs", "list", "-o", "json"});
      const Ended listed = cluster.docket(std::move(options));
      REQUIRE_MESSAGE(listed.status == 0, listed.err);
      return json::parse(listed.out);
    };
    CHECK(ids({})["jobs"].size() == 2);
    const json wrong = ids({"--outcome", "compile error", "--from", "1h", "--agent", "lab-1"});
    REQUIRE(wrong["jobs"].size() == 1);
    CHECK(wrong["jobs"][0]["outcome"] == 11);
    CHECK(ids({"--to", "1h"})["jobs"].empty());
    CHECK(ids({"--text", wrong["jobs"][0]["id"].get<std::string>().substr(10)})["jobs"].size() ==
          1);
    const json newest = ids({"-n", "1"});
    REQUIRE(newest["jobs"].size() == 1);
    const json older = ids({"--cursor", newest["next"].get<std::string>()});
    REQUIRE(older["jobs"].size() == 1);
    CHECK(older["next"].is_null());
    CHECK(older["jobs"][0]["id"] != newest["jobs"][0]["id"]);
    const Ended refused = cluster.docket({"jobs", "list", "--from", "yesterday"});
    CHECK(refused.status == 2);
    CHECK(refused.err.find("from: 'yesterday' is neither a time") != std::string::npos);
  }
}
