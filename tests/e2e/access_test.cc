// The operations listener's door, end to end: who needs a token, what each role may, logging in,
// what the audit says afterwards, purging, and no secret in any log.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

namespace {

using nlohmann::json;
using Headers = std::vector<std::string>;

const Headers kJson = {"Content-Type: application/json"};

std::string make_token(const Cluster& cluster, const std::string& name,
                       std::vector<std::string> options) {
  options.insert(options.begin(), {"tokens", "create", name});
  const Ended made = cluster.docket(std::move(options));
  REQUIRE_MESSAGE(made.status == 0, made.err);
  REQUIRE(made.out.ends_with('\n'));
  return made.out.substr(0, made.out.size() - 1);
}

Headers with(const std::string& token, Headers more = {}) {
  more.push_back("Authorization: Bearer " + token);
  return more;
}

long ask(const Cluster& cluster, const std::string& path, const Headers& headers = {}) {
  return http("GET", cluster.ops(path), "", headers).status;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

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
constexpr const char* kNewKey = R"({"name":"k1","secret":"HereStandsWhatNobodyKnows01"})";
constexpr const char* kNewToken =
    R"({"name":"t1","role":"read","token":"HereStandsWhatNobodyKnowsButWhoReadsThis"})";

// In this order: what one makes the next may need.
constexpr Deed kDeeds[] = {
    {"GET", "/", "", 200, 200, 200, 200},
    {"GET", "/app.js", "", 200, 200, 200, 200},
    {"GET", "/api/v1/openapi.json", "", 200, 200, 200, 200},
    {"GET", "/api/v1/status", "", 200, 200, 200, 200},
    {"GET", "/api/v1/agents", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs/ID", "", 200, 200, 200, 200},
    {"GET", "/api/v1/jobs/ID/why", "", 200, 200, 200, 200},
    {"GET", "/api/v1/keys", "", 200, 200, 200, 200},
    {"GET", "/api/v1/session", "", 200, 200, 200, 200},
    {"GET", "/api/v1/nothing", "", 404, 404, 404, 404},
    {"GET", "/jobe/index.php/restapi/languages", "", 200, 200, 200, 200},
    {"GET", "/jobe/index.php/restapi/runresults/ID", "", 403, 200, 403, 403},
    {"POST", "/jobe/index.php/restapi/runs", kRun, 403, 403, 200, 200},
    {"POST", "/api/v1/agents/lab-1/cordon", kHold, 403, 403, 204, 204},
    {"POST", "/api/v1/agents/lab-1/drain", kHold, 403, 403, 204, 204},
    {"POST", "/api/v1/agents/lab-1/resume", "{}", 403, 403, 204, 204},
    {"POST", "/api/v1/agents/nobody/test", "", 403, 403, 404, 404},
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
  TEST_CASE("on loopback no token is needed, and what is done there is local's") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const json session = http("GET", cluster.ops("/api/v1/session")).json();
    CHECK(session ==
          json{{"name", "local"}, {"role", "admin"}, {"source", true}, {"logged_in", false}});
    CHECK(cluster.docket({"agents", "cordon", "lab-1", "--reason", "new disk"}).status == 0);
    CHECK(cluster.docket({"agents", "resume", "lab-1", "--reason", "disk is in"}).status == 0);
    CHECK(cluster.docket({"agents", "cordon", "nobody", "--reason", "x"}).status == 3);
    const json entries = http("GET", cluster.ops("/api/v1/audit")).json()["entries"];
    REQUIRE(entries.size() == 2);  // what was refused was not done
    CHECK(entries[1]["who"] == "local");
    CHECK(entries[1]["what"] == "agents.cordon");
    CHECK(entries[1]["on"] == "lab-1");
    CHECK(entries[1]["why"] == "new disk");
    CHECK(entries[1]["from"] == "127.0.0.1");
    CHECK(entries[0]["why"] == "disk is in");
    const Ended shown = cluster.docket({"audit", "--what", "agents.cordon"});
    CHECK(shown.out.find("new disk") != std::string::npos);
    CHECK(shown.out.find("disk is in") == std::string::npos);
    // Somebody stands between: it is nobody of this host.
    for (const char* header : {"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1",
                               "Via: 1.1 proxy", "X-Real-IP: 127.0.0.1"}) {
      CHECK(ask(cluster, "/api/v1/status", {header}) == 401);
    }
    cluster.restart_master();
    CHECK(http("GET", cluster.ops("/api/v1/audit")).json()["entries"] == entries);
  }

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
                      "local tokens.create", "local tokens.create", "local tokens.create",
                      "local tokens.create", "operator runs.submit", "admin runs.submit",
                      "operator agents.cordon", "admin agents.cordon", "operator agents.drain",
                      "admin agents.drain", "operator agents.resume", "admin agents.resume",
                      "admin keys.create", "admin keys.revoke", "admin tokens.create",
                      "admin tokens.revoke", "admin backup", "admin jobs.purge"});
    const auto page = [&](const std::string& query) {
      return http("GET", cluster.ops("/api/v1/audit?" + query), "", with(admin)).json();
    };
    const json first = page("who=admin&limit=3");
    CHECK(first["entries"].size() == 3);
    CHECK(first["entries"][0]["what"] == "jobs.purge");
    const json second = page("who=admin&limit=100&before=" + first["next"].dump());
    CHECK(second["entries"].size() == 7);
    CHECK(page("what=tokens")["entries"].size() == 6);
  }

  TEST_CASE("a browser logs in by a form, is known by its cookie, and logs out") {
    Cluster cluster;
    const std::string token = make_token(cluster, "ana", {"--role", "operate"});
    cluster.restart_master({"--ops-tokens"});
    const std::string session = cluster.ops("/api/v1/session");
    const std::string own = "Origin: " + cluster.ops_url();
    const std::string form = "Content-Type: application/x-www-form-urlencoded";
    CHECK(http("POST", session, "token=" + token, {form, "Origin: http://evil.example"}).status ==
          403);
    const Reply wrong = http("POST", session, "token=nonsense", {form, own});
    CHECK(wrong.status == 401);
    CHECK(wrong.body.find("This token is not known") != std::string::npos);
    CHECK_FALSE(wrong.headers.contains("set-cookie"));
    const Reply in = http("POST", session, "token=" + token, {form, own});
    CHECK(in.status == 303);
    CHECK(in.headers.at("location") == "../../");
    const std::string set = in.headers.at("set-cookie");
    CHECK(set.find("HttpOnly") != std::string::npos);
    CHECK(set.find("SameSite=Strict") != std::string::npos);
    CHECK(set.find(token) == std::string::npos);
    const std::string cookie = "Cookie: " + set.substr(0, set.find(';'));
    CHECK(ask(cluster, "/", {cookie}) == 200);
    CHECK(http("GET", session, "", {cookie}).json() ==
          json{{"name", "ana"}, {"role", "operate"}, {"source", false}, {"logged_in", true}});
    CHECK(http("POST", cluster.ops("/api/v1/agents/x/resume"), "", {cookie, own}).status == 404);
    CHECK(http("POST", cluster.ops("/api/v1/agents/x/resume"), "",
               {cookie, "Origin: http://evil.example"})
              .status == 403);
    CHECK(http("POST", cluster.ops("/api/v1/backup"), "{}",
               {cookie, own, "Content-Type: application/json"})
              .status == 403);
    const Reply again = http("POST", session, json{{"token", token}}.dump(), kJson);
    CHECK(again.status == 200);
    CHECK(again.json()["name"] == "ana");
    CHECK(http("DELETE", session, "", with(token)).status == 409);
    const Reply out = http("DELETE", session, "", {cookie, own});
    CHECK(out.status == 204);
    CHECK(out.headers.at("set-cookie").find("Max-Age=0") != std::string::npos);
    CHECK(ask(cluster, "/", {cookie}) == 401);
    const std::string second = again.headers.at("set-cookie");
    const std::string other = "Cookie: " + second.substr(0, second.find(';'));
    CHECK(ask(cluster, "/", {other}) == 200);
    cluster.restart_master();
    CHECK(ask(cluster, "/", {other}) == 401);
    CHECK(ask(cluster, "/", with(token)) == 200);
  }

  TEST_CASE(
      "wrong tokens are slowed down by address, and a proxy's word counts where it is named") {
    Cluster cluster;
    const std::string token = make_token(cluster, "ana", {"--role", "admin"});
    cluster.restart_master({"--ops-tokens", "--trusted-proxy", "127.0.0.1"});
    const auto from = [&](const char* address, const std::string& secret) {
      return ask(cluster, "/api/v1/status",
                 with(secret, {std::string("X-Forwarded-For: 6.6.6.6, ") + address}));
    };
    for (int i = 0; i < 10; ++i) CHECK(from("10.1.1.1", "wrong") == 401);
    CHECK(from("10.1.1.1", token) == 429);
    CHECK(from("10.1.1.2", token) == 200);
    CHECK(ask(cluster, "/api/v1/status", with(token)) == 200);
    CHECK(cluster.master().err().find("access=refused from=10.1.1.1") != std::string::npos);
    CHECK(http("DELETE", cluster.ops("/api/v1/keys/x"), "",
               with(token, {"X-Forwarded-For: 10.1.1.3"}))
              .status == 404);
    CHECK(http("POST", cluster.ops("/api/v1/backup"), "{}",
               with(token, {"X-Forwarded-For: 10.1.1.3", kJson[0]}))
              .status == 200);
    const auto last = [&] {
      return http("GET", cluster.ops("/api/v1/audit?limit=1"), "", with(token))
          .json()["entries"][0];
    };
    CHECK(last()["from"] == "10.1.1.3");
    // Nobody named: what a client says of addresses is its own affair.
    cluster.restart_master({"--ops-tokens"});
    CHECK(http("POST", cluster.ops("/api/v1/backup"), R"({"name":"b.db"})",
               with(token, {"X-Forwarded-For: 10.1.1.3", kJson[0]}))
              .status == 200);
    CHECK(last()["from"] == "127.0.0.1");
  }

  TEST_CASE("docket login keeps the token for its owner alone; revoking ends it at once") {
    Cluster cluster;
    const std::string token = make_token(cluster, "ana", {"--role", "admin", "--source"});
    CHECK(token.starts_with("docket-"));
    CHECK(cluster.docket({"tokens", "create", "ana", "--role", "read"}).status == 6);
    CHECK(cluster.docket({"tokens", "create", "x y", "--role", "read"}).status == 2);
    CHECK(cluster.docket({"tokens", "create", "x", "--role", "root"}).status == 2);
    CHECK(cluster.docket({"tokens", "create", "x"}).status == 2);
    CHECK(cluster.docket({"tokens", "list"}).out.find("ana") != std::string::npos);
    cluster.restart_master({"--ops-tokens"});
    const std::string home = cluster.folder() + "/home";
    const std::vector<std::string> environment = {"XDG_CONFIG_HOME=" + home, "DOCKET_MASTER="};
    const auto docket = [&](std::vector<std::string> arguments) {
      return e2e::run("docket", std::move(arguments), cluster.folder(), environment);
    };
    const auto login = [&](const std::string& secret) {
      return e2e::run("/bin/sh",
                      {"-c", "printf '" + secret + "\\n' | \"$0\" login \"$1\"", program("docket"),
                       cluster.ops_url()},
                      cluster.folder(), environment);
    };
    const Ended before = docket({"--master", cluster.ops_url(), "status"});
    CHECK(before.status == 4);
    CHECK(before.err.find("docket login") != std::string::npos);
    CHECK(login("nonsense").status == 4);
    CHECK(login("").status == 2);
    const std::string file = home + "/docket/credentials.json";
    CHECK_FALSE(std::filesystem::exists(file));
    const Ended in = login(token);
    REQUIRE_MESSAGE(in.status == 0, in.err);
    CHECK(in.err.find("as ana, role admin") != std::string::npos);
    CHECK((in.out + in.err).find(token) == std::string::npos);
    struct stat facts {};
    REQUIRE(::stat(file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK(docket({"status"}).status == 0);  // no --master: the one logged in to
    CHECK(docket({"audit", "-n", "1"}).status == 0);
    std::filesystem::permissions(file, std::filesystem::perms(0644));
    CHECK(docket({"status"}).err.find("chmod 600") != std::string::npos);
    std::filesystem::permissions(file, std::filesystem::perms(0600));

    CHECK(docket({"tokens", "revoke", "ana"}).status == 2);  // nobody there to confirm
    CHECK(docket({"tokens", "revoke", "nobody", "-y"}).status == 3);
    CHECK(docket({"tokens", "revoke", "ana", "-y", "--reason", "left"}).status == 0);
    CHECK(docket({"status"}).status == 4);
    cluster.restart_master();
    CHECK(docket({"status"}).status == 4);
    CHECK(docket({"logout"}).status == 0);
    CHECK(docket({"logout", cluster.ops_url()}).status == 3);
    CHECK(text_of(file).find(token) == std::string::npos);
  }

  TEST_CASE("a purge takes sources and outputs, says so, and is in the audit") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string id = cluster.submit("python3", "print('PURGE' + 'ME')  # SOURCESECRET");
    const std::string kept = cluster.submit("python3", "print('stays')");
    for (const auto& run : {id, kept}) {
      REQUIRE(http("GET", cluster.jobe("runresults/" + run), "", {"Prefer: wait=20"}).status ==
              200);
    }
    cluster.master().signal(SIGTERM);
    REQUIRE(cluster.master().wait_exit(20'000) == 0);
    const std::string database = cluster.folder() + "/master/docket.db";
    CHECK(text_of(database).find("SOURCESECRET") != std::string::npos);
    const Ended aged = e2e::run(
        "/bin/sh",
        {"-c",
         "sqlite3 \"$0\" \"UPDATE jobs SET finished_ms = finished_ms - 864000000 WHERE id = "
         "'$1'\"",
         database, id},
        cluster.folder());
    REQUIRE_MESSAGE(aged.status == 0, aged.err);
    cluster.restart_master({});

    const Ended dry = cluster.docket({"jobs", "purge", "--older-than", "9d", "--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.err.find("1 finished runs older than 9d") != std::string::npos);
    CHECK(cluster.docket({"jobs", "purge", "--older-than", "9d"}).status == 2);  // nobody there
    CHECK(cluster.docket({"jobs", "purge", "--older-than", "30m", "-y"}).status == 2);
    CHECK(cluster.docket({"jobs", "purge", "--older-than", "11d", "-y"}).err.find("0 finished") !=
          std::string::npos);
    CHECK(cluster.job(id)["bodies"] == "shown");
    const Ended gone =
        cluster.docket({"jobs", "purge", "--older-than", "9d", "-y", "--reason", "term is over"});
    CHECK_MESSAGE(gone.status == 0, gone.err);
    const json purged = cluster.job(id);
    CHECK(purged["bodies"] == "purged");
    CHECK(purged["run_spec"].is_null());
    CHECK(purged["result"].is_null());
    CHECK(purged["outcome"] == 15);
    CHECK(purged["timeline"].size() == 1);
    CHECK(cluster.docket({"jobs", "show", id}).out.find("purged") != std::string::npos);
    const Reply result = cluster.result(id);
    CHECK(result.status == 404);
    CHECK(result.body.find("no longer kept") != std::string::npos);
    CHECK(cluster.job(kept)["bodies"] == "shown");
    CHECK(cluster.result(kept).json()["stdout"] == "stays\n");
    const json entry = http("GET", cluster.ops("/api/v1/audit?what=jobs.purge")).json()["entries"];
    REQUIRE(entry.size() == 1);
    CHECK(entry[0]["why"] == "term is over");
    cluster.master().signal(SIGTERM);
    REQUIRE(cluster.master().wait_exit(20'000) == 0);
    CHECK(text_of(database).find("SOURCESECRET") == std::string::npos);
    CHECK(text_of(database).find("PURGEME") == std::string::npos);
  }

  TEST_CASE("no key, token, source or output is in any log, nor a token or session on disk") {
    Cluster cluster({"--log-level", "debug"});
    cluster.add_host("lab-1", 1);
    const std::string key = [&] {
      const Ended made = cluster.docket({"keys", "create", "moodle"});
      return made.out.substr(0, made.out.size() - 1);
    }();
    const std::string token = make_token(cluster, "ana", {"--role", "admin", "--source"});
    const std::string source = "print('OUTPUT' + 'SECRET')  # SOURCESECRET";
    const auto run = [&](const std::string& with_key, const std::string& text) {
      return http("POST", cluster.jobe("runs"), run_body("python3", text),
                  {"X-API-KEY: " + with_key});
    };
    CHECK(run(key, source).json()["stdout"] == "OUTPUTSECRET\n");
    CHECK(run("WRONGKEYSECRET", source).status == 403);
    CHECK(run(key, source + "\nraise SystemError('OUTPUTSECRET')").json()["outcome"] == 12);
    CHECK(
        http("POST", cluster.jobe("runs"), R"({"run_spec":"SOURCESECRET"})", {"X-API-KEY: " + key})
            .status == 400);
    CHECK(ask(cluster, "/api/v1/status", with(token)) == 200);
    CHECK(ask(cluster, "/api/v1/status", with("WRONGTOKENSECRET")) == 401);
    CHECK(ask(cluster, "/api/v1/status?token=QUERYSECRET", with(token)) == 200);
    const Reply in =
        http("POST", cluster.ops("/api/v1/session"), json{{"token", token}}.dump(), kJson);
    const std::string set = in.headers.at("set-cookie");
    const std::string session = set.substr(set.find('=') + 1, 64);
    CHECK(ask(cluster, "/api/v1/status", {"Cookie: docket_session=" + session}) == 200);
    CHECK(http("POST", cluster.ops("/api/v1/backup"), R"({"name":"b.db"})", kJson).status == 200);
    cluster.restart_master();
    const std::string logs =
        cluster.master().err() + cluster.master().out() + cluster.agent_process("lab-1").err();
    std::string everything = logs;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cluster.folder())) {
      if (entry.path().extension() == ".err") everything += text_of(entry.path());
    }
    CHECK(everything.find("key=moodle created=yes") != std::string::npos);  // it is the log
    for (const std::string& secret :
         {key, token, session, std::string("SOURCESECRET"), std::string("OUTPUTSECRET"),
          std::string("WRONGKEYSECRET"), std::string("WRONGTOKENSECRET"),
          std::string("QUERYSECRET")}) {
      CAPTURE(secret.substr(0, 12));
      CHECK(everything.find(secret) == std::string::npos);
    }
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(cluster.folder() + "/master")) {
      if (!entry.is_regular_file()) continue;
      for (const std::string& secret : {token, key, session}) {
        CHECK(text_of(entry.path()).find(secret) == std::string::npos);
      }
    }
  }
}
