// The docket command against a real cluster: what it prints in every format, what it follows and
// waits for, its exit codes, where its settings come from, and a stopped master's folder.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

const std::string kSleep = "import time; time.sleep(2); print(7)";

// Ids, moments and spans of time are of no importance; nor is how wide they make a column.
std::string masked(std::string text) {
  const std::pair<const char*, const char*> kMasks[] = {
      {"[0-9a-hjkmnp-tv-z]{26}", "ID"},
      {R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)", "TIME"},
      {R"(\b\d+(\.\d)? m?s\b)", "SPAN"},
      {R"(\b\d+[smhd]\b)", "AGE"},
      {R"(\b\d+ %)", "N%"},
      {R"(\b\d+ MB\b)", "N MB"},
      {" +", " "},
  };
  for (const auto& [what, with] : kMasks) text = std::regex_replace(text, std::regex(what), with);
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

// The command on a terminal of 24 lines of 80 columns; what it writes there until `enough` says so.
// Then it gets SIGINT, and its exit status follows.
struct OnTerminal {
  std::string text;
  int status = -1;
};
template <class Enough>
OnTerminal on_terminal(const std::vector<std::string>& arguments, const char* variable,
                       Enough enough) {
  winsize size{24, 80, 0, 0};
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(pid >= 0);
  if (pid == 0) {
    if (variable != nullptr) ::putenv(const_cast<char*>(variable));
    ::setenv("TERM", "xterm", 1);
    const std::string path = program("docket");
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    ::_exit(127);
  }
  OnTerminal out;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool interrupted = false;
  char piece[4096];
  // Reading fails when the command has gone.
  for (ssize_t got = 0; (got = ::read(terminal, piece, sizeof piece)) > 0;) {
    out.text.append(piece, static_cast<std::size_t>(got));
    const bool over = enough(out.text) || std::chrono::steady_clock::now() > end;
    if (over && !std::exchange(interrupted, true)) ::kill(pid, SIGINT);
  }
  ::close(terminal);
  int raw = 0;
  REQUIRE(::waitpid(pid, &raw, 0) == pid);
  out.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return out;
}

const auto kUntilItsEnd = [](const std::string&) { return false; };

}  // namespace

TEST_SUITE("e2e cli") {
  TEST_CASE("a list in every format") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.run("python3", "print(1)").status == 200);
    CHECK(cluster.run("python3", "print(").status == 200);
    const auto list = [&](std::vector<std::string> options) {
      options.insert(options.begin(), {"jobs", "list"});
      const Ended listed = cluster.docket(options);
      CHECK_MESSAGE(listed.status == 0, listed.err);
      CHECK(listed.err.empty());
      return listed.out;
    };
    CHECK(masked(list({})) ==
          "ID STATE LANGUAGE OUTCOME AGENT TRIES WAITED RAN AGE\n"
          "ID done python3 compile error lab-1 1 SPAN SPAN AGE\n"
          "ID done python3 ok lab-1 1 SPAN SPAN AGE\n");
    CHECK(masked(list({"--no-headers", "--outcome", "15"})) ==
          "ID done python3 ok lab-1 1 SPAN SPAN AGE\n");
    CHECK(masked(list({"-o", "wide", "--outcome", "ok"})) ==
          "ID STATE LANGUAGE OUTCOME AGENT TRIES WAITED RAN AGE KEY CLIENT JOB FINISHED\n"
          "ID done python3 ok lab-1 1 SPAN SPAN AGE - - TIME\n");
    const json whole = json::parse(list({"-o", "json"}));
    CHECK(whole["next"].is_null());
    const auto each = lines_of(list({"-o", "jsonl"}));
    const auto names = lines_of(list({"-o", "name"}));
    REQUIRE(each.size() == 2);
    REQUIRE(names.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const json job = json::parse(each[i]);
      CHECK(job["id"] == names[i]);
      CHECK(job["outcome"] == whole["jobs"][i]["outcome"]);
      CHECK(masked(job["received"].get<std::string>()) == "TIME");
    }
    CHECK(list({"--since", "1h", "--until", "30m"}) == list({"--from", "1h", "--to", "30m"}));

    // Where a list goes on is told beside it, and in its JSON.
    const Ended first = cluster.docket({"jobs", "list", "-n", "1", "-o", "name"});
    CHECK(first.out == names[0] + "\n");
    CHECK(first.err ==
          "docket: there are older ones: docket jobs list --cursor " + names[0] + "\n");
    CHECK(list({"--cursor", names[0], "-o", "name"}) == names[1] + "\n");

    CHECK(cluster.docket({"jobs", "list", "-o", "yaml"}).status == 2);
    CHECK(cluster.docket({"jobs", "list", "--since", "soon"}).status == 2);
    CHECK(cluster.docket({"status", "-o", "name"}).status == 2);
    CHECK(cluster.docket({"jobs", "show", names[0], "-o", "name"}).out == names[0] + "\n");
    CHECK(json::parse(cluster.docket({"status", "-o", "jsonl"}).out)["queued"] == 0);
  }

  TEST_CASE("hosts by the start of their names, their languages") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    const auto second = cluster.start_agent("lab-12", cluster.sandbox("lab-1").address,
                                            {"--slots", "1", "--tag", "exam"});
    second->wait_ready();
    const std::string row = masked(cluster.docket({"agents", "list", "--no-headers"}).out);
    CHECK(row.starts_with("lab-1 active 0/2 1 "));
    CHECK(cluster.docket({"agents", "list", "-o", "name"}).out == "lab-1\nlab-12\n");
    const std::string wide = masked(cluster.docket({"agents", "list", "-o", "wide"}).out);
    CHECK(
        wide.starts_with("NAME STATE RUNNING WEIGHT LANGUAGES DONE FAULTS SEEN VERSION TAGS "
                         "CORES LOAD MEMORY DISK REASON\n"));
    CHECK(wide.find(" exam ") != std::string::npos);

    const Ended shown = cluster.docket({"agents", "show", "lab-12"});
    CHECK(shown.status == 0);
    CHECK(shown.out.starts_with("Agent          lab-12\nState          active for "));
    CHECK(shown.out.find("\nRunning        0 of 1 slots\n") != std::string::npos);
    CHECK(shown.out.find("\nLANGUAGE  VERSION\n") != std::string::npos);
    const json object = json::parse(cluster.docket({"agents", "show", "lab-12", "-o", "json"}).out);
    CHECK(object["name"] == "lab-12");
    CHECK(object["tags"] == json::array({"exam"}));
    CHECK(object["jobs"].empty());

    CHECK(cluster.docket({"agents", "cordon", "lab-12", "--reason", "new kernel"}).status == 0);
    const Ended tested = cluster.docket({"agents", "test", "lab-12", "-o", "json"});
    CHECK_MESSAGE(tested.status == 0, tested.out);
    const json test = json::parse(tested.out);
    REQUIRE(test["languages"].size() == object["languages"].size());
    for (const auto& language : test["languages"]) {
      CHECK(language["problem"].get<std::string>().empty() == (language["result"] == "passed"));
    }
    CHECK(cluster.docket({"agents", "test", "lab-12", "-o", "name"}).out.find("python3\n") !=
          std::string::npos);
    CHECK(cluster.agent("lab-12")["state"] == "cordoned");
    CHECK(cluster.docket({"agents", "resume", "lab-12"}).status == 0);
    const json audit = http("GET", cluster.ops("/api/v1/audit?what=agents.test")).json();
    CHECK(audit["entries"].size() == 2);
    CHECK(cluster.docket({"agents", "test", "lab-9"}).status == 3);

    CHECK(cluster.docket({"agents", "show", "lab-9"}).status == 3);
    CHECK(cluster.docket({"agents", "show", "../x"}).status == 2);
    const Ended several = cluster.docket({"agents", "cordon", "lab", "--reason", "x"});
    CHECK(several.status == 6);
    CHECK(several.err == "docket: 2 agents' names begin with 'lab': lab-1 lab-12\n");
    // "lab-1" is itself, though another begins so.
    CHECK(cluster.docket({"agents", "cordon", "lab-1", "--reason", "x"}).status == 0);
    CHECK(cluster.agent("lab-12")["state"] == "active");
    CHECK(cluster.docket({"agents", "resume", "lab-1"}).err == "docket: lab-1 takes work again\n");
    const Ended remove = cluster.docket({"agents", "remove", "lab-12"});
    CHECK(remove.status == 2);
    CHECK(remove.err.find("confirm with -y") != std::string::npos);

    const json answer = json::parse(cluster.docket({"languages", "-o", "json"}).out);
    for (const auto& language : answer["languages"]) CHECK(language["agents"] == 2);
    const std::string table = masked(cluster.docket({"languages", "-o", "wide"}).out);
    CHECK(table.starts_with("LANGUAGE VERSION AGENTS NAMES\n"));
    CHECK(table.find(" 2 lab-1,lab-12\n") != std::string::npos);
  }

  TEST_CASE("runs by the ends of their ids, cancelled and made again") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string running = cluster.submit("python3", kSleep);
    const std::string waiting = cluster.submit("python3", kSleep);
    CHECK(cluster.docket({"jobs", "show", waiting.substr(14), "-o", "name"}).out == waiting + "\n");
    const Ended common = cluster.docket({"jobs", "show", waiting.substr(0, 4)});
    CHECK(common.status == 6);
    CHECK(masked(common.err).starts_with("docket: 2 runs begin or end with '"));
    CHECK(cluster.docket({"jobs", "show", "zzzzzzzzzz"}).status == 3);
    CHECK(cluster.docket({"jobs", "retry", waiting}).status == 6);  // it has not ended
    CHECK(cluster.docket({"jobs", "cancel", waiting}).status == 0);
    // One of the two has ended.
    const Ended partly = cluster.docket({"jobs", "cancel", waiting, running});
    CHECK(partly.status == 7);
    CHECK(masked(partly.err) ==
          "docket: run ID has ended already: it is cancelled\n"
          "docket: cancelled run ID; its program goes on to its own limits, unheard\n");
    CHECK(cluster.docket({"jobs", "cancel", waiting, running}).status == 1);
    const Ended again = cluster.docket({"jobs", "retry", waiting});
    CHECK(again.status == 0);
    const std::string id = lines_of(again.out).at(0);
    CHECK(id != waiting);
    const Ended ended = cluster.docket({"jobs", "wait", id, "-o", "jsonl"});
    CHECK(ended.status == 0);
    CHECK(json::parse(ended.out)["id"] == id);
    CHECK(json::parse(ended.out)["outcome"] == 15);
  }

  TEST_CASE("waiting for runs: what they wait for, and how it ends") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string one = cluster.submit("python3", kSleep);
    const std::string other = cluster.submit("python3", "print(1 / 0)");
    const Ended late = cluster.docket({"jobs", "wait", one, "--timeout", "1s"});
    CHECK(late.status == 124);
    CHECK(late.err == "docket: 1 of 1 runs had not ended after 1s\n");
    CHECK(cluster.docket({"jobs", "wait", one, "--timeout", "soon"}).status == 2);
    CHECK(cluster.docket({"jobs", "wait", "zzzzzzzzzz"}).status == 3);
    const Ended both = cluster.docket({"jobs", "wait", one, other, "--progress"});
    CHECK(both.status == 1);
    CHECK(masked(both.out) ==
          "ID STATE LANGUAGE OUTCOME AGENT TRIES WAITED RAN AGE\n"
          "ID done python3 ok lab-1 1 SPAN SPAN AGE\n"
          "ID done python3 runtime error lab-1 1 SPAN SPAN AGE\n");
    CHECK(both.err.find("docket: " + one + " running: It runs on lab-1.\n") != std::string::npos);
    CHECK(both.err.find("docket: " + other + " queued: It is next") != std::string::npos);
    const Ended well = cluster.docket({"jobs", "wait", one});
    CHECK(well.status == 0);
    CHECK(well.err.empty());  // nobody looks on, nobody asked
  }

  TEST_CASE("run tells what it waits for, and prints what the program prints") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::string before = cluster.submit("python3", kSleep);
    const std::string file = cluster.folder() + "/seven.py";
    write(file, kSleep);
    const Ended ran = cluster.docket({"run", "--progress", file});
    CHECK(ran.status == 0);
    CHECK(ran.out == "7\n");
    CHECK(masked(ran.err).find("docket: ID queued: It is next") != std::string::npos);
    CHECK(masked(ran.err).find("docket: ID running: It runs on lab-1.\n") != std::string::npos);
    const Ended quiet = cluster.docket({"run", file});
    CHECK(quiet.out == "7\n");
    CHECK(quiet.err.empty());
  }

  TEST_CASE("tail tells each change as it comes") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    Process tail("docket", {"--master", cluster.ops_url(), "jobs", "tail"}, cluster.folder());
    Process ids("docket", {"--master", cluster.ops_url(), "jobs", "tail", "-o", "jsonl"},
                cluster.folder());
    const std::string one = cluster.submit("python3", kSleep);
    const std::string other = cluster.submit("python3", kSleep);
    const auto count = [](const std::string& text, const std::string& what) {
      std::size_t found = 0;
      for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++found;
      return found;
    };
    CHECK(eventually(60'000, [&] { return count(tail.out(), "  done  ") == 2; }));
    const std::string text = tail.out();
    CHECK(count(text, "  " + other + "  queued  python3\n") == 1);
    CHECK(count(text, "  " + other + "  running  python3  lab-1\n") == 1);
    CHECK(count(text, "  " + one + "  done  python3  ok  lab-1  ") == 1);
    CHECK(tail.err().empty());
    CHECK(eventually(60'000, [&] { return count(ids.out(), R"("state":"done")") == 2; }));
    for (const auto& line : lines_of(ids.out())) CHECK(json::parse(line)["language"] == "python3");

    // A master that restarts is asked again.
    cluster.restart_master();
    const std::string third = cluster.submit("python3", "print(1)");
    CHECK(eventually(60'000, [&] { return tail.out().find(third) != std::string::npos; }));
    CHECK(tail.alive());
  }

  TEST_CASE("-w shows what has changed") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    Process agents("docket", {"--master", cluster.ops_url(), "agents", "list", "-w", "-o", "jsonl"},
                   cluster.folder());
    Process status("docket", {"--master", cluster.ops_url(), "status", "-w", "-o", "json"},
                   cluster.folder());
    CHECK(eventually(30'000, [&] { return lines_of(agents.out()).size() == 1; }));
    CHECK(eventually(30'000, [&] { return lines_of(status.out()).size() >= 3; }));
    CHECK(lines_of(agents.out()).size() == 1);  // that it was seen again is no news
    CHECK(cluster.docket({"agents", "cordon", "lab-1", "--reason", "new disk"}).status == 0);
    CHECK(eventually(30'000, [&] { return lines_of(agents.out()).size() == 2; }));
    CHECK(json::parse(lines_of(agents.out()).at(1))["reason"] == "new disk");
    CHECK(cluster.docket({"jobs", "list", "-w", "--offline", "--data", "/x"}).status == 2);
  }

  TEST_CASE("colours, and what is drawn anew, are for terminals alone") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const std::vector<std::string> list = {"--master", cluster.ops_url(), "agents", "list"};
    const auto coloured = on_terminal(list, nullptr, kUntilItsEnd);
    CHECK(coloured.status == 0);
    CHECK(coloured.text.starts_with("\x1b[1mNAME\x1b[0m"));
    CHECK(coloured.text.find("\x1b[32mactive\x1b[0m") != std::string::npos);
    const auto plain = on_terminal(list, "NO_COLOR=1", kUntilItsEnd);
    CHECK(plain.text.starts_with("NAME"));
    CHECK(plain.text.find('\x1b') == std::string::npos);
    CHECK(cluster.docket({"agents", "list"}).out.find('\x1b') == std::string::npos);

    const auto top = on_terminal(
        {"--master", cluster.ops_url(), "top"}, "NO_COLOR=1", [](const std::string& text) {
          return text.find("95% wait", text.find("95% wait") + 1) != std::string::npos;
        });
    CHECK(top.status == 0);
    CHECK(top.text.starts_with("\x1b[?1049h\x1b[?25l\x1b[H\x1b[2JThe one sandbox takes work.\r\n"));
    CHECK(top.text.ends_with("\x1b[?25h\x1b[?1049l"));
    const Ended once = cluster.docket({"top"});
    CHECK(masked(once.out) ==
          "The one sandbox takes work.\n"
          "queued 0 running 0/1 done 0/min failed 0/min 95% wait -, run -\n"
          "\n"
          "AGENT STATE RUNNING DONE FAULTS SEEN REASON\n"
          "lab-1 active 0/1 0 0 AGE -\n"
          "\n"
          "ID STATE LANGUAGE OUTCOME AGENT TRIES WAITED RAN AGE\n");

    const std::string id = cluster.submit("python3", kSleep);
    const auto waited =
        on_terminal({"--master", cluster.ops_url(), "jobs", "wait", id}, nullptr, kUntilItsEnd);
    CHECK(waited.status == 0);
    CHECK(waited.text.find("\r\x1b[K0 ms  " + id + " running: It runs on lab-1.") !=
          std::string::npos);
    CHECK(waited.text.find("\r\x1b[K\x1b[1mID\x1b[0m") != std::string::npos);
  }

  TEST_CASE("support files: which there are, and which may go") {
    Cluster cluster;
    for (const char* id : {"old", "new"}) {
      const Reply put =
          http("PUT", cluster.jobe(std::string("files/") + id), R"({"file_contents":"NDI="})");
      REQUIRE(put.status == 204);
    }
    cluster.master().kill_now();
    std::string old_file;
    for (const auto& entry : fs::recursive_directory_iterator(cluster.folder() + "/master/files")) {
      if (entry.path().filename().string().ends_with("old")) old_file = entry.path();
    }
    REQUIRE_FALSE(old_file.empty());
    fs::last_write_time(old_file, fs::last_write_time(old_file) - std::chrono::hours(40 * 24));
    cluster.restart_master();

    const Ended listed = cluster.docket({"files", "list"});
    CHECK(masked(listed.out) == "ID SIZE USED NEEDED\nnew 4 kB AGE no\nold 4 kB AGE no\n");
    CHECK(listed.out.find("  40d  ") != std::string::npos);
    CHECK(listed.err.starts_with("docket: 2 files, 8 kB of "));
    CHECK(cluster.docket({"files", "list", "-o", "name"}).out == "new\nold\n");
    CHECK(json::parse(cluster.docket({"files", "list", "-o", "json"}).out)["count"] == 2);
    const Ended dry = cluster.docket({"files", "gc", "--unused", "30d", "--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.err == "docket: there are 1 file (4 kB) that no run has used for 30d\n");
    CHECK(cluster.docket({"files", "gc", "--unused", "30d"}).status == 2);  // nobody to confirm
    CHECK(cluster.docket({"files", "gc", "--unused", "36h", "-y"}).status == 2);
    CHECK(cluster.docket({"files", "gc", "--unused", "90d", "-y"}).status == 0);
    CHECK(cluster.docket({"files", "list", "-o", "name"}).out == "new\nold\n");
    CHECK(cluster.docket({"files", "gc", "--unused", "30d", "-y"}).err ==
          "docket: removed 1 file\n");
    CHECK(cluster.docket({"files", "list", "-o", "name"}).out == "new\n");
  }

  TEST_CASE("settings: an option before the environment before a file") {
    Cluster cluster;
    Cluster other;
    const std::string home = cluster.folder() + "/home";
    const std::string file = home + "/docket/docket.toml";
    const auto docket = [&](std::vector<std::string> arguments,
                            std::vector<std::string> environment = {}) {
      environment.insert(environment.begin(), "XDG_CONFIG_HOME=" + home);
      return run("docket", std::move(arguments), cluster.folder(), std::move(environment));
    };
    cluster.add_host("lab-1", 1);
    other.add_host("room-1", 1);
    write(file, "master = \"" + cluster.ops_url() + "\"\noutput = \"name\"\n");
    CHECK(docket({"agents", "list"}).out == "lab-1\n");
    CHECK(docket({"agents", "list"}, {"DOCKET_MASTER=" + other.ops_url()}).out == "room-1\n");
    CHECK(docket({"agents", "list", "--master", cluster.ops_url()},
                 {"DOCKET_MASTER=" + other.ops_url()})
              .out == "lab-1\n");
    CHECK(docket({"agents", "list"}, {"DOCKET_OUTPUT=jsonl"}).out.starts_with("{\"name\":"));
    CHECK(docket({"agents", "list", "-o", "name"}, {"DOCKET_OUTPUT=jsonl"}).out == "lab-1\n");
    const Ended wrong = docket({"agents", "list"}, {"DOCKET_OUTPUT=yaml"});
    CHECK(wrong.status == 2);
    CHECK(wrong.err == "docket: DOCKET_OUTPUT: 'yaml' is none of table, wide, json, jsonl, name\n");
    write(file, "outptu = \"name\"\n");
    const Ended foreign = docket({"agents", "list"});
    CHECK(foreign.status == 2);
    CHECK(foreign.err == "docket: " + file +
                             ": 'outptu' is no setting; there are master, output and "
                             "no-headers\n");
    write(file, "master = \"http://127.0.0.1:1\"\nno-headers = true\n");
    CHECK(docket({"status"}).status == 5);
  }

  TEST_CASE("the folder of a stopped master is read, and left as it was") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    CHECK(cluster.run("python3", "print(1)").status == 200);
    CHECK(cluster.run("python3", "print(").status == 200);
    const std::string data = cluster.folder() + "/master";
    const std::string live = cluster.docket({"jobs", "list", "-o", "json"}).out;
    const auto offline = [&](std::vector<std::string> options) {
      options.insert(options.begin(), {"jobs", "list", "--offline", "--data", data});
      return run("docket", std::move(options), cluster.folder());
    };
    const Ended busy = offline({});
    CHECK(busy.status == 6);
    CHECK(busy.err.find("is in use by another process; stop it") != std::string::npos);

    cluster.master().kill_now();
    const std::string database = content_of(data + "/docket.db");
    const std::string log = content_of(data + "/docket.db-wal");
    REQUIRE_FALSE(log.empty());  // it was killed: its newest runs are there alone
    CHECK(offline({"-o", "json"}).out == live);
    const Ended filtered = offline({"--outcome", "compile error"});
    CHECK(masked(filtered.out) ==
          "ID STATE LANGUAGE OUTCOME AGENT TRIES WAITED RAN AGE\n"
          "ID done python3 compile error lab-1 1 SPAN SPAN AGE\n");
    CHECK(offline({"--since", "soon"}).status == 2);
    CHECK(content_of(data + "/docket.db") == database);
    CHECK(content_of(data + "/docket.db-wal") == log);
    cluster.restart_master();
    CHECK(cluster.docket({"jobs", "list", "-o", "json"}).out == live);

    const auto status = [&](std::vector<std::string> arguments) {
      return run("docket", std::move(arguments), cluster.folder()).status;
    };
    CHECK(status({"jobs", "list", "--offline", "--data", cluster.folder() + "/none"}) == 3);
    CHECK_FALSE(fs::exists(cluster.folder() + "/none"));
    CHECK(status({"jobs", "list", "--offline"}) == 2);
    CHECK(status({"jobs", "list", "--data", data}) == 2);
  }
}
