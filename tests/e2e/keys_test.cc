// API keys, end to end: made by the command, wanted at the Jobe listener, kept as hashes only.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

namespace {

constexpr const char* kHello = "print('hello')";
constexpr const char* kSleep = "import time; time.sleep(3); print('slept')";

// The secret, as the command printed it.
std::string create(const Cluster& cluster, const std::string& name,
                   std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"keys", "create", name});
  const Ended made = cluster.docket(std::move(options));
  REQUIRE_MESSAGE(made.status == 0, made.err);
  CHECK(made.err.find("made the key " + name) != std::string::npos);
  REQUIRE(made.out.ends_with('\n'));
  return made.out.substr(0, made.out.size() - 1);
}

std::string with(const std::string& secret) {
  return "X-API-KEY: " + secret;
}

Reply post_run(const Cluster& cluster, const std::string& body,
               const std::vector<std::string>& headers = {}) {
  return http("POST", cluster.jobe("runs"), body, headers);
}

Reply ask(const Cluster& cluster, const std::string& id, const std::vector<std::string>& headers) {
  return http("GET", cluster.jobe("runresults/" + id), "", headers);
}

std::string accepted_id(const Reply& reply) {
  REQUIRE_MESSAGE(reply.status == 202, reply.body);
  return reply.json().get<std::string>();
}

void check_refused(const Reply& reply, const char* text) {
  CHECK(reply.status == 403);
  CHECK(reply.body == text);
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// The files below `folder` that hold `text`.
std::vector<std::string> holding(const std::string& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (content.find(text) != std::string::npos) found.push_back(entry.path());
  }
  return found;
}

}  // namespace

TEST_SUITE("e2e keys") {
  TEST_CASE("without keys the API is open, and the log says so; with keys a run needs one") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.master().err().find("api=open") != std::string::npos);
    CHECK(cluster.run("python3", kHello).status == 200);
    CHECK(post_run(cluster, run_body("python3", kHello), {with("whatever")}).status == 200);
    const Ended none = cluster.docket({"keys", "list"});
    CHECK(none.status == 0);
    CHECK(none.err.find("open to all") != std::string::npos);

    const std::string moodle = create(cluster, "moodle");
    const std::string course = create(cluster, "course");
    CHECK(moodle.size() == 40);
    CHECK(cluster.docket({"keys", "create", "third"}).err.find("first") == std::string::npos);
    CHECK(cluster.docket({"keys", "revoke", "third", "-y"}).status == 0);
    CHECK(moodle != course);
    const std::string body = run_body("python3", kHello);
    check_refused(post_run(cluster, body), "\"Missing API key\"");
    check_refused(post_run(cluster, body, {with("nosuchkey")}), "\"Unknown API key\"");
    check_refused(post_run(cluster, body, {"X-API-KEY;"}), "\"Unknown API key\"");
    check_refused(post_run(cluster, "no run at all"), "\"Missing API key\"");
    CHECK(post_run(cluster, body, {with(moodle)}).json()["stdout"] == "hello\n");
    CHECK(http("GET", cluster.jobe("languages")).status == 200);
    CHECK(http("PUT", cluster.jobe("files/abcdefgh"), R"({"file_contents":"eA=="})").status == 204);
    CHECK(http("HEAD", cluster.jobe("files/abcdefgh")).status == 204);

    // A result is its own key's.
    const std::string id =
        accepted_id(post_run(cluster, body, {with(moodle), "Prefer: respond-async"}));
    CHECK(ask(cluster, id, {with(moodle), "Prefer: wait=20"}).status == 200);
    check_refused(ask(cluster, id, {}), "\"Missing API key\"");
    const Reply foreign = ask(cluster, id, {with(course)});
    CHECK(foreign.status == 404);
    CHECK(foreign.body == "\"There is no run with this id\"");
    CHECK(http("DELETE", cluster.jobe("runresults/" + id), "", {with(course)}).status == 404);
    CHECK(cluster.job(id)["key"] == "moodle");
    const Ended shown = cluster.docket({"jobs", "show", id});
    CHECK(shown.out.find("moodle") != std::string::npos);

    // The operations listener has a door of its own.
    write(cluster.folder() + "/hello.py", kHello);
    CHECK(cluster.docket({"run", cluster.folder() + "/hello.py"}).out == "hello\n");
    const Ended async = cluster.docket({"run", "--async", cluster.folder() + "/hello.py"});
    CHECK(async.status == 0);

    cluster.restart_master();
    CHECK(cluster.master().err().find("api=open") == std::string::npos);
    check_refused(post_run(cluster, body), "\"Missing API key\"");
    REQUIRE(eventually(10'000, [&] { return cluster.status()["slots"] == 1; }));
    CHECK(post_run(cluster, body, {with(moodle)}).status == 200);
    CHECK(ask(cluster, id, {with(moodle)}).status == 200);

    CHECK(cluster.docket({"keys", "revoke", "moodle"}).status == 2);  // nobody there to confirm
    CHECK(cluster.docket({"keys", "revoke", "moodle", "-y"}).status == 0);
    check_refused(post_run(cluster, body, {with(moodle)}), "\"Unknown API key\"");
    check_refused(ask(cluster, id, {with(moodle)}), "\"Unknown API key\"");
    CHECK(cluster.docket({"keys", "revoke", "moodle", "-y"}).status == 3);
    const Ended last = cluster.docket({"keys", "revoke", "course", "-y"});
    CHECK(last.err.find("open to all") != std::string::npos);
    CHECK(post_run(cluster, body).status == 200);
  }

  TEST_CASE("a key's bounds: runs an hour, runs waiting, asking for runs") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string hello = run_body("python3", kHello);

    // Every request counts, as a refusal costs as much as a run.
    const std::string rare = create(cluster, "rare", {"--rate", "2"});
    CHECK(post_run(cluster, "no run at all", {with(rare)}).status == 400);
    CHECK(post_run(cluster, "no run at all", {with(rare)}).status == 400);
    const Reply third = post_run(cluster, hello, {with(rare)});
    CHECK(third.status == 429);
    CHECK(third.body == "\"Max RUN rate for this server exceeded\"");
    const int retry_s = std::stoi(third.headers.at("retry-after"));
    CHECK(retry_s > 1'700);
    CHECK(retry_s <= 1'800);

    const std::string waiter = create(cluster, "waiter", {"--no-async", "--priority", "low"});
    for (const char* preference : {"Prefer: respond-async", "Prefer: wait=20"}) {
      const Reply refused = post_run(cluster, hello, {with(waiter), preference});
      CHECK(refused.status == 403);
      CHECK(refused.body.find("may not run asynchronously") != std::string::npos);
    }
    CHECK(post_run(cluster, hello, {with(waiter)}).status == 200);

    const std::string small = create(cluster, "small", {"--queue", "1", "--weight", "3"});
    const std::vector<std::string> async = {with(small), "Prefer: respond-async"};
    const std::string running = accepted_id(post_run(cluster, run_body("python3", kSleep), async));
    REQUIRE(eventually(10'000, [&] { return cluster.job(running)["state"] == "running"; }));
    const std::string waiting = accepted_id(post_run(cluster, hello, async));
    const Reply full = post_run(cluster, hello, async);
    CHECK(full.status == 503);
    CHECK(full.headers.at("retry-after") == "10");
    CHECK(full.body.find("the key small has 1 jobs waiting") != std::string::npos);
    const Reply overload = post_run(cluster, hello, {with(small)});
    CHECK(overload.status == 200);
    CHECK(overload.json()["outcome"] == 21);
    CHECK(eventually(2'000, [&] { return cluster.status()["refused"] == 2; }));
    CHECK(cluster.docket({"status"}).out.find("Refused") != std::string::npos);

    // Cancelling by the command; what has ended is left alone.
    CHECK(cluster.docket({"jobs", "cancel", waiting}).status == 0);
    CHECK(cluster.job(waiting)["state"] == "cancelled");
    const Ended again = cluster.docket({"jobs", "cancel", waiting});
    CHECK(again.status == 6);
    CHECK(again.err.find("has ended already") != std::string::npos);
    CHECK(cluster.docket({"jobs", "cancel", running.substr(10)}).status == 0);
    CHECK(cluster.docket({"jobs", "cancel", "00000000000000000000000000"}).status == 3);
    const Ended listed = cluster.docket({"jobs", "list", "--state", "cancelled", "-o", "json"});
    CHECK(nlohmann::json::parse(listed.out)["jobs"].size() == 2);

    const Ended keys = cluster.docket({"keys", "list", "-o", "json"});
    const auto by_name = nlohmann::json::parse(keys.out)["keys"];
    REQUIRE(by_name.size() == 3);
    CHECK(by_name[0]["hourly_rate"] == 2);
    CHECK(by_name[1]["weight"] == 3);
    CHECK(by_name[1]["max_queued"] == 1);
    CHECK(by_name[2]["may_async"] == false);
    CHECK(by_name[2]["priority"] == "low");
  }

  TEST_CASE("making keys: a secret of one's own, refusals, and no secret kept anywhere") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string own = "MoodleHadThisKeyBefore0123456789";
    const std::string file = cluster.folder() + "/key.txt";
    write(file, own + "\r\n");
    const Ended given = cluster.docket({"keys", "create", "old", "--key-file", file});
    CHECK(given.status == 0);
    CHECK(given.out.empty());  // whoever has it need not see it again
    const Ended piped = e2e::run("/bin/sh",
                                 {"-c",
                                  "printf 'PipedSecret0123456789\\n' | \"$0\" --master \"$1\" "
                                  "keys create piped --key-file -",
                                  program("docket"), cluster.ops_url()},
                                 cluster.folder());
    CHECK_MESSAGE(piped.status == 0, piped.err);
    const std::string body = run_body("python3", kHello);
    CHECK(post_run(cluster, body, {with(own)}).status == 200);
    CHECK(post_run(cluster, body, {with("PipedSecret0123456789")}).status == 200);

    const Ended json = cluster.docket({"keys", "create", "third", "-o", "json"});
    const std::string third = nlohmann::json::parse(json.out)["secret"];
    CHECK(post_run(cluster, body, {with(third)}).status == 200);

    CHECK(cluster.docket({"keys", "create", "old"}).status == 6);
    CHECK(cluster.docket({"keys", "create", "copy", "--key-file", file}).status == 6);
    CHECK(cluster.docket({"keys", "create", "two words"}).status == 2);
    CHECK(cluster.docket({"keys", "create", "x", "--weight", "0"}).status == 2);
    CHECK(cluster.docket({"keys", "create", "x", "--priority", "top"}).status == 2);
    CHECK(cluster.docket({"keys", "create", "x", "--key-file", "/nonexistent"}).status == 3);
    write(file, "short\n");
    CHECK(cluster.docket({"keys", "create", "x", "--key-file", file}).status == 2);
    write(file, "\xff\xfe not text at all \x80\n");
    CHECK(cluster.docket({"keys", "create", "x", "--key-file", file}).status == 2);
    CHECK(cluster.docket({"keys", "revoke", "nosuch", "-y"}).status == 3);

    const std::string keys_url = cluster.ops("/api/v1/keys");
    const std::string form = R"({"name":"form","secret":"0123456789abcdef"})";
    CHECK(http("POST", keys_url, form, {"Content-Type: text/plain"}).status == 415);
    CHECK(http("POST", keys_url, form, {"Content-Type: application/json"}).status == 204);
    CHECK(http("DELETE", keys_url + "/form").status == 204);
    CHECK(http("PUT", keys_url, form).headers.at("allow") == "GET, POST");

    const std::string id =
        accepted_id(post_run(cluster, body, {with(third), "Prefer: respond-async"}));
    CHECK(ask(cluster, id, {with(third), "Prefer: wait=20"}).status == 200);
    for (int life = 0; life < 2; ++life) {
      for (const std::string& secret : {own, third, std::string("PipedSecret0123456789")}) {
        CHECK(holding(cluster.folder() + "/master", secret).empty());
        CHECK(holding(cluster.folder() + "/agent-lab-1", secret).empty());
        CHECK(cluster.master().err().find(secret) == std::string::npos);
        CHECK(cluster.master().out().find(secret) == std::string::npos);
        CHECK(cluster.agent_process("lab-1").err().find(secret) == std::string::npos);
        for (const std::string& path :
             {std::string("status"), std::string("agents"), std::string("jobs?limit=1000"),
              std::string("keys"), "jobs/" + id}) {
          CHECK(http("GET", cluster.ops("/api/v1/" + path)).body.find(secret) == std::string::npos);
        }
      }
      // The test sees what is there to be seen.
      CHECK_FALSE(holding(cluster.folder() + "/master", "piped").empty());
      if (life == 0) cluster.restart_master();
    }
  }
}
