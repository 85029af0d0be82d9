// Programs go from a Jobe client through master and agent to a sandbox and back.
#include <doctest/doctest.h>

#include "protocol/base/base64.h"
#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::e2e;

namespace {

constexpr const char* kFileId = "0123456789abcdef0123456789abcdef";

std::string file_body(const std::string& content) {
  return nlohmann::json{{"file_contents", base64_encode(content)}}.dump();
}

// [[id, name], …]; as an initializer list it could be taken for an object.
nlohmann::json files(const std::vector<std::pair<std::string, std::string>>& named) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [id, name] : named) list.push_back(nlohmann::json::array({id, name}));
  return list;
}

}  // namespace

TEST_SUITE("e2e runs") {
  TEST_CASE("one host: programs, results, files, languages, command line") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);

    SUBCASE("languages are the sandbox's") {
      const Reply mine = http("GET", cluster.jobe("languages"));
      const Reply theirs = http("GET", "http://" + cluster.sandbox("lab-1").address +
                                           "/jobe/index.php/restapi/languages");
      CHECK(mine.status == 200);
      CHECK(mine.body == theirs.body);
      CHECK(mine.headers.at("content-type") == "application/json; charset=UTF-8");
    }

    SUBCASE("right answers in four languages") {
      const std::vector<std::pair<std::string, std::string>> programs = {
          {"c", "#include <stdio.h>\nint main(void){puts(\"hello\");return 0;}\n"},
          {"cpp", "#include <iostream>\nint main(){std::cout<<\"hello\\n\";}\n"},
          {"python3", "print('hello')\n"},
          {"nodejs", "console.log('hello')\n"}};
      for (const auto& [language, source] : programs) {
        const Reply reply = cluster.run(language, source);
        CAPTURE(language);
        CHECK(reply.status == 200);
        const auto result = reply.json();
        CHECK(result["outcome"] == 15);
        CHECK(result["stdout"] == "hello\n");
        CHECK(result["run_id"].get<std::string>().size() == 26);
        CHECK(reply.body.starts_with("{\"run_id\":\""));
      }
    }

    SUBCASE("compile error, crash, time limit, standard input") {
      const auto broken = cluster.run("c", "int main(void){return x;}\n").json();
      CHECK(broken["outcome"] == 11);
      CHECK(broken["cmpinfo"].get<std::string>().find("undeclared") != std::string::npos);
      CHECK(cluster.run("c", "#include <stdlib.h>\nint main(void){abort();}\n").json()["outcome"] ==
            12);
      const auto endless = cluster.run("cpp", "int main(){volatile unsigned x=0; for(;;) x=x+1;}\n",
                                       {{"parameters", {{"cputime", 2}}}});
      CHECK(endless.json()["outcome"] == 13);
      const auto echo = cluster.run("python3", "import sys; sys.stdout.write(sys.stdin.read())",
                                    {{"input", "h\u00e9llo\n"}});
      CHECK(echo.json()["stdout"] == "h\u00e9llo\n");
    }

    SUBCASE("a bad request costs the sandbox nothing") {
      const auto before = cluster.sandbox_stats("lab-1")["runs"];
      const Reply unknown = cluster.run("cobol", "x");
      CHECK(unknown.status == 400);
      CHECK(unknown.body == "\"Language 'cobol' is not known\"");
      CHECK(http("POST", cluster.jobe("runs"), "hello").status == 400);
      CHECK(http("POST", cluster.jobe("runs"), "").body == "\"Non-JSON post data received\"");
      CHECK(http("GET", cluster.jobe("nosuch")).status == 404);
      CHECK(cluster.sandbox_stats("lab-1")["runs"] == before);
    }

    SUBCASE("support files are kept at the master and pushed to a sandbox that lacks them") {
      const nlohmann::json with_file = {{"file_list", files({{kFileId, "data.txt"}})}};
      const std::string source = "print(open('data.txt').read())";
      CHECK(http("HEAD", cluster.jobe(std::string("files/") + kFileId)).status == 404);
      const Reply missing = cluster.run("python3", source, with_file);
      CHECK(missing.status == 404);
      CHECK(missing.body == "\"One or more of the specified files is missing/unavailable\"");
      const Reply put =
          http("PUT", cluster.jobe(std::string("files/") + kFileId), file_body("from a file"));
      CHECK(put.status == 204);
      CHECK(put.headers.count("content-type") == 0);
      CHECK(http("HEAD", cluster.jobe(std::string("files/") + kFileId)).status == 204);
      for (int round = 0; round < 2; ++round) {
        const Reply reply = cluster.run("python3", source, with_file);
        REQUIRE(reply.status == 200);
        CHECK(reply.json()["stdout"] == "from a file\n");
      }
      // Larger than one chunk on the wire.
      const std::string large(3'500'000, 'x');
      const Reply post = http("POST", cluster.jobe("files"), file_body(large));
      CHECK(post.status == 200);
      const auto reply = cluster.run(
          "python3", "print(len(open('large').read()))",
          {{"file_list",
            files({{post.json().get<std::string>(), "large"}, {kFileId, "data.txt"}})}});
      CHECK(reply.json()["stdout"] == "3500000\n");
      CHECK(http("PUT", cluster.jobe("files/..%2fx"), file_body("x")).status == 404);
    }

    SUBCASE("asynchronous: 202, then 204 while pending, then the result; 404 for an unknown run") {
      const Reply accepted = http("POST", cluster.jobe("runs"),
                                  run_body("python3", "import time; time.sleep(1); print(7)"),
                                  {"Prefer: respond-async"});
      REQUIRE(accepted.status == 202);
      const std::string id = accepted.json().get<std::string>();
      CHECK(accepted.headers.at("location").ends_with("/runresults/" + id));
      CHECK(accepted.headers.at("preference-applied") == "respond-async");
      const Reply pending = cluster.result(id);
      CHECK(pending.status == 204);
      CHECK(pending.body.empty());
      Reply finished;
      CHECK(eventually(10'000, [&] { return (finished = cluster.result(id)).status == 200; }));
      CHECK(finished.json()["stdout"] == "7\n");
      CHECK(finished.json()["run_id"] == id);
      CHECK(cluster.result(id).body == finished.body);
      CHECK(cluster.result("00000000000000000000000000").status == 404);
      CHECK(cluster.result("nonsense").status == 404);
      const auto job = cluster.job(id);
      CHECK(job["state"] == "done");
      CHECK(job["timeline"].size() == 1);
      CHECK(job["timeline"][0]["agent"] == "lab-1");
    }

    SUBCASE("output arrives as the sandbox gave it") {
      const auto reply = cluster.run(
          "python3",
          "import sys; sys.stdout.buffer.write(b'a\\x00\\xe2\\x80\\xa8\"\\\\/' + b'z' * 1000000)");
      CHECK(reply.json()["stdout"].get<std::string>().size() == 1'000'008);
      const auto bad = cluster.run("python3", "import sys; sys.stdout.buffer.write(b'\\xff')");
      CHECK(bad.json()["stdout"] == "\\xff");
    }

    SUBCASE("the command line") {
      const std::string path = cluster.folder() + "/answer.py";
      FILE* file = fopen(path.c_str(), "w");
      REQUIRE(file != nullptr);
      fputs("import sys\nprint(6 * 7)\nsys.exit(0)\n", file);
      fclose(file);
      const auto ran = cluster.docket({"run", "-l", "python3", path});
      CHECK(ran.status == 0);
      CHECK(ran.out == "42\n");
      const auto ran_json = cluster.docket({"run", "-l", "python3", path, "-o", "json"});
      const auto result = nlohmann::json::parse(ran_json.out);
      CHECK(result["stdout"] == "42\n");
      const auto listed = nlohmann::json::parse(cluster.docket({"jobs", "list", "-o", "json"}).out);
      CHECK(cluster.docket({"jobs", "list"}).out.find("python3") != std::string::npos);
      const std::string id = result["run_id"];
      const auto shown = cluster.docket({"jobs", "show", id});
      CHECK(shown.status == 0);
      CHECK(shown.out.find("lab-1") != std::string::npos);
      CHECK(nlohmann::json::parse(cluster.docket({"jobs", "show", id, "-o", "json"}).out)["id"] ==
            id);
      CHECK(cluster.docket({"status"}).out.find("slots") != std::string::npos);
      CHECK(nlohmann::json::parse(cluster.docket({"status", "-o", "json"}).out)["slots"] == 2);
      CHECK(cluster.docket({"agents", "list"}).out.find("lab-1") != std::string::npos);
      CHECK(cluster.docket({"jobs", "show", "00000000000000000000000000"}).status == 3);
      CHECK(e2e::run("docket", {"--master", "http://127.0.0.1:1", "status"}, cluster.folder())
                .status == 5);
    }
  }

  TEST_CASE("languages are the union over live agents, and a job goes where its language is") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(http("GET", cluster.jobe("languages")).json().size() >= 4);
    cluster.agent_process("lab-1").kill_now();
    CHECK(
        eventually(10'000, [&] { return http("GET", cluster.jobe("languages")).json().empty(); }));
    CHECK(cluster.agent("lab-1")["state"] == "lost");
    // Its languages stay known: a run for them waits instead of being refused.
    const std::string id = cluster.submit("python3", "print(1)");
    CHECK(cluster.result(id).status == 204);
  }

  TEST_CASE(
      "200 runs at once over 3 agents with 2 slots each: all answered, slots never exceeded") {
    Cluster cluster;
    // The sandboxes would take more: it is the master that must not give it.
    for (const char* name : {"lab-1", "lab-2", "lab-3"}) cluster.add_host(name, 2, 8);
    std::vector<std::string> bodies;
    for (int i = 0; i < 200; ++i) {
      bodies.push_back(run_body("python3", "print(" + std::to_string(i) + " * 3)"));
    }
    const auto replies = post_all(cluster.jobe("runs"), bodies);
    std::size_t right = 0;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const bool ok =
          replies[i].status == 200 && replies[i].json()["stdout"] == std::to_string(i * 3) + "\n";
      right += ok ? 1 : 0;
      if (!ok) MESSAGE(replies[i].status << " " << replies[i].body << replies[i].problem);
    }
    CHECK(right == 200);
    int total = 0;
    for (const char* name : {"lab-1", "lab-2", "lab-3"}) {
      const auto stats = cluster.sandbox_stats(name);
      CHECK(stats["max_running"] <= 2);
      CHECK(stats["runs"] > 0);
      total += stats["runs"].get<int>();
    }
    CHECK(total == 200);
    CHECK(eventually(2'000, [&] {
      const auto status = cluster.status();
      return status["queued"] == 0 && status["running"] == 0;
    }));
  }
}
