// The operations listener's door: on which addresses a token is needed, and what each role may,
// held against everything that the API's document names.
#include <doctest/doctest.h>
#include <strings.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tests/e2e/cluster.h"
#include "tests/e2e/tokens.h"

using namespace docket;
using namespace docket::e2e;

namespace {

using nlohmann::json;

// What may be asked for, and what each of these four gets for it.
struct Deed {
  const char* method;
  const char* path;  // ID: a run that has ended
  const char* body;
  long reader;
  long seer;  // a reader with --source
  long operates;
  long admin;
};

constexpr const char* kHold = R"({"reason":"disk"})";
constexpr const char* kRun = R"j({"run_spec":{"language_id":"python3","sourcecode":"print(1)",
                     "sourcefilename":"a.py"}})j";
constexpr const char* kFile = R"({"file_contents":"eA=="})";
constexpr const char* kNewKey = R"({"name":"k1","secret":"HereStandsWhatNobodyKnows01"})";
constexpr const char* kNewToken =
    R"({"name":"t1","role":"read","token":"HereStandsWhatNobodyKnowsButWhoReadsThis"})";

// In this order: what one makes the next may need.
constexpr Deed kDeeds[] = {
    {"GET", "/", "", 200, 200, 200, 200},
    {"GET", "/jobs", "", 200, 200, 200, 200},
    {"GET", "/common.js", "", 200, 200, 200, 200},
    {"GET", "/metrics", "", 200, 200, 200, 200},
    {"GET", "/api/v1/openapi.json", "", 200, 200, 200, 200},
    {"GET", "/api/v1/status", "", 200, 200, 200, 200},
    {"GET", "/api/v1/history", "", 200, 200, 200, 200},
    {"GET", "/api/v1/agents", "", 200, 200, 200, 200},
    {"GET", "/api/v1/link", "", 200, 200, 200, 200},
    {"GET", "/api/v1/doctor", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs/ID", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs/ID/why", "", 200, 200, 200, 200},
    {"GET", "/api/v1/files", "", 200, 200, 200, 200},
    {"GET", "/api/v1/keys", "", 200, 200, 200, 200},
    {"GET", "/api/v1/session", "", 200, 200, 200, 200},
    {"DELETE", "/api/v1/session", "", 409, 409, 409, 409},
    {"GET", "/api/v1/nothing", "", 404, 404, 404, 404},
    {"GET", "/jobe/index.php/restapi/languages", "", 200, 200, 200, 200},
    {"GET", "/jobe/index.php/restapi/runresults/ID", "", 403, 200, 403, 403},
    {"POST", "/jobe/index.php/restapi/runs", kRun, 403, 403, 200, 200},
    {"DELETE", "/jobe/index.php/restapi/runresults/00000000000000000000000000", "", 403, 403, 403,
     404},
    {"POST", "/jobe/index.php/restapi/files", kFile, 403, 403, 200, 200},
    {"PUT", "/jobe/index.php/restapi/files/abcdefgh", kFile, 403, 403, 204, 204},
    {"HEAD", "/jobe/index.php/restapi/files/abcdefgh", "", 204, 204, 204, 204},
    {"DELETE", "/api/v1/files/abcdefgh", "", 403, 403, 204, 404},
    {"POST", "/api/v1/files/gc", R"({"unused_days":30})", 403, 403, 200, 200},
    {"POST", "/api/v1/runs", kRun, 403, 403, 200, 200},
    {"POST", "/api/v1/jobs/ID/retry", "", 403, 403, 202, 202},
    {"POST", "/api/v1/agents/lab-1/cordon", kHold, 403, 403, 204, 204},
    {"POST", "/api/v1/agents/lab-1/drain", kHold, 403, 403, 204, 204},
    {"POST", "/api/v1/agents/lab-1/resume", "{}", 403, 403, 204, 204},
    {"POST", "/api/v1/agents/nobody/test", "", 403, 403, 404, 404},
    {"POST", "/api/v1/agents/tokens", "{}", 403, 403, 403, 409},  // the link is plain
    {"DELETE", "/api/v1/agents/tokens/00000000", "", 403, 403, 403, 404},
    {"POST", "/api/v1/agents/nobody/approve", "", 403, 403, 403, 404},
    {"DELETE", "/api/v1/agents/nobody", "", 403, 403, 403, 404},
    {"POST", "/api/v1/jobs/ID/cancel", "{}", 403, 403, 409, 409},
    {"POST", "/api/v1/keys", kNewKey, 403, 403, 403, 204},
    {"DELETE", "/api/v1/keys/k1", "", 403, 403, 403, 204},
    {"GET", "/api/v1/tokens", "", 403, 403, 403, 200},
    {"POST", "/api/v1/tokens", kNewToken, 403, 403, 403, 204},
    {"DELETE", "/api/v1/tokens/t1", "", 403, 403, 403, 204},
    {"GET", "/api/v1/audit", "", 403, 403, 403, 200},
    {"POST", "/api/v1/backup", R"({"name":"b.db"})", 403, 403, 403, 200},
    {"POST", "/api/v1/jobs/purge", R"({"older_than_s":3600})", 403, 403, 403, 204},
};

std::string path_of(const Deed& deed, const std::string& id) {
  std::string path = deed.path;
  const auto at = path.find("ID");
  if (at != std::string::npos) path.replace(at, 2, id);
  return path;
}

// A path of the API's document as a pattern of the paths above.
std::regex pattern_of(const std::string& documented) {
  return std::regex(std::regex_replace(documented, std::regex(R"(\{\w+\})"), "[^/]+"));
}

// Started by hand, because it listens on every address.
std::unique_ptr<Process> start_open_master(const std::string& folder, std::string& ops,
                                           std::vector<std::string> more = {}) {
  std::vector<std::string> options = {"--jobe-listen", "127.0.0.1:0",     "--ops-listen",
                                      "0.0.0.0:0",     "--agents-listen", "tcp://127.0.0.1:0",
                                      "--data",        folder + "/master"};
  options.insert(options.end(), more.begin(), more.end());
  auto master = std::make_unique<Process>("docket-master", options, folder);
  const std::string listens = master->wait_ready().at("ops");
  ops = "http://127.0.0.1" + listens.substr(listens.rfind(':'));
  return master;
}

}  // namespace

TEST_SUITE("e2e access") {
  TEST_CASE("on any other address everything but healthz and readyz needs a token") {
    Cluster cluster;
    const std::string token = make_token(cluster, "ana", {"--role", "admin"});
    cluster.master().kill_now();
    std::string ops;
    const auto master = start_open_master(cluster.folder(), ops);
    CHECK(http("GET", ops + "/healthz").status == 200);
    CHECK(http("GET", ops + "/readyz").status != 401);
    for (const Deed& deed : kDeeds) {
      CAPTURE(deed.path);
      const Reply refused = http(deed.method, ops + path_of(deed, "x"), deed.body, kJson);
      CHECK(refused.status == 401);
      CHECK(refused.headers.contains("www-authenticate") !=
            (refused.body.find("<form method=\"post\" action=\"api/v1/session\">") !=
             std::string::npos));
    }
    const Reply page = http("GET", ops + "/jobs/7");
    CHECK(page.status == 401);
    CHECK(page.body.find("action=\"../api/v1/session\"") != std::string::npos);
    CHECK(http("GET", ops + "/api/v1/status", "", with(token)).status == 200);
    CHECK(master->err().find("ops=locked") == std::string::npos);
  }

  TEST_CASE("a master that nobody can enter says so") {
    const Folder folder;
    std::string ops;
    const auto master = start_open_master(folder.path(), ops);
    CHECK(master->err().find("ops=locked") != std::string::npos);
    CHECK(master->err().find("docket tokens create") != std::string::npos);
    CHECK(http("GET", ops + "/api/v1/status").status == 401);
    for (const char* bad : {"nonsense", "10.0.0.0/33"}) {
      const Ended refused = e2e::run(
          "docket-master", {"--trusted-proxy", bad, "--data", folder.path() + "/x"}, folder.path());
      CHECK(refused.status == 1);
      CHECK(refused.err.find("trusted-proxy") != std::string::npos);
    }
  }

  TEST_CASE("no operation of the API is left out of what is tried here") {
    const Cluster cluster;
    const json paths = http("GET", cluster.ops("/api/v1/openapi.json")).json()["paths"];
    int operations = 0;
    for (const auto& path : paths.items()) {
      const std::regex pattern = pattern_of(path.key());
      for (const auto& operation : path.value().items()) {
        const json& facts = operation.value();
        const bool is_one = facts.is_object() && facts.contains("operationId");
        if (!is_one || facts.value("x-docket-need", "") == "nothing") continue;
        ++operations;
        const bool tried = std::ranges::any_of(kDeeds, [&](const Deed& deed) {
          return ::strcasecmp(deed.method, operation.key().c_str()) == 0 &&
                 std::regex_match(deed.path, pattern);
        });
        CHECK_MESSAGE(tried, operation.key() << " " << path.key());
      }
    }
    CHECK(operations > 30);
  }

  TEST_CASE("each role may what it may, nothing else, and the audit has what was done") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string reader = make_token(cluster, "reader", {"--role", "read"});
    const std::string seer = make_token(cluster, "seer", {"--role", "read", "--source"});
    const std::string operates = make_token(cluster, "operator", {"--role", "operate"});
    const std::string admin = make_token(cluster, "admin", {"--role", "admin"});
    const std::string id = cluster.submit("python3", "print('to be hidden')");
    REQUIRE(http("GET", cluster.jobe("runresults/" + id), "", {"Prefer: wait=20"}).status == 200);
    cluster.restart_master({"--ops-tokens"});
    REQUIRE(eventually(10'000, [&] {
      return http("GET", cluster.ops("/api/v1/status"), "", with(reader)).json()["slots"] == 1;
    }));
    CHECK(ask(cluster, "/api/v1/status") == 401);
    const auto as = [&](const Deed& deed, const std::string& token, long status) {
      CAPTURE(deed.method);
      CAPTURE(deed.path);
      CAPTURE(token.substr(0, 7));
      const Reply reply =
          http(deed.method, cluster.ops(path_of(deed, id)), deed.body,
               with(token, {"Content-Type: application/json", "Docket-Reason: because"}));
      CHECK_MESSAGE(reply.status == status, reply.body);
    };
    for (const Deed& deed : kDeeds) {
      as(deed, reader, deed.reader);
      as(deed, seer, deed.seer);
      as(deed, operates, deed.operates);
      as(deed, admin, deed.admin);
    }
    // Source and output: there, or withheld, or said to be.
    const auto job = [&](const std::string& token) {
      return http("GET", cluster.ops("/api/v1/jobs/" + id), "", with(token)).json();
    };
    CHECK(job(seer)["run_spec"]["sourcecode"] == "print('to be hidden')");
    CHECK(job(seer)["bodies"] == "shown");
    CHECK(job(admin)["run_spec"].is_null());
    CHECK(job(admin)["result"].is_null());
    CHECK(job(admin)["bodies"] == "withheld");
    CHECK(job(admin).dump().find("hidden") == std::string::npos);

    std::multiset<std::string> done;
    const json audit = http("GET", cluster.ops("/api/v1/audit?limit=1000"), "", with(admin)).json();
    CHECK(audit["next"].is_null());
    for (const auto& entry : audit["entries"]) {
      done.insert(entry["who"].get<std::string>() + " " + entry["what"].get<std::string>());
      CHECK(entry["from"] == "127.0.0.1");
      const std::string why = entry["why"];
      if (entry["who"] != "local") CHECK((why == "because" || why == "disk"));
    }
    CHECK(done == std::multiset<std::string>{
                      "local tokens.create",    "local tokens.create",    "local tokens.create",
                      "local tokens.create",    "operator runs.submit",   "admin runs.submit",
                      "admin runs.delete",      "operator files.put",     "admin files.put",
                      "operator files.put",     "admin files.put",        "operator files.remove",
                      "operator files.gc",      "admin files.gc",         "operator runs.submit",
                      "admin runs.submit",      "operator jobs.retry",    "admin jobs.retry",
                      "operator agents.cordon", "admin agents.cordon",    "operator agents.drain",
                      "admin agents.drain",     "operator agents.resume", "admin agents.resume",
                      "admin keys.create",      "admin keys.revoke",      "admin tokens.create",
                      "admin tokens.revoke",    "admin backup",           "admin jobs.purge"});
    const auto page = [&](const std::string& query) {
      return http("GET", cluster.ops("/api/v1/audit?" + query), "", with(admin)).json();
    };
    const json first = page("who=admin&limit=3");
    CHECK(first["entries"].size() == 3);
    CHECK(first["entries"][0]["what"] == "jobs.purge");
    const json second = page("who=admin&limit=100&before=" + first["next"].dump());
    CHECK(second["entries"].size() == 13);
    CHECK(page("what=tokens")["entries"].size() == 6);
  }
}
