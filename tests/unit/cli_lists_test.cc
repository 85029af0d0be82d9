// The command line's lists: their formats, what counts as a change, names by their starts, and
// where settings come from. Files, but no network.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "master/cli/fields.h"
#include "master/cli/progress.h"
#include "master/cli/settings.h"
#include "master/cli/show.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "tests/unit/temporary_folder.h"

using docket::test::TemporaryFolder;

namespace docket::cli {
namespace {

constexpr WallMs kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z
constexpr Look kLook = {.now = kNow};

std::string things_text(const Json& answer, const Look& look) {
  Table table({{"NAME"}, {"MORE", Align::left, true}, {"N", Align::right}});
  for (const auto& thing : list_at(answer, "things")) {
    table.add({{text_at(thing, "name")},
               {text_at(thing, "more")},
               {std::to_string(number_at(thing, "n"))}});
  }
  return table.text(look);
}

const List kThings{"things", "name", things_text, {"seen"}};
const std::string kBody =
    R"({"things":[{"name":"b","n":7,"more":"x","seen":1},{"name":"a\u001b","n":12,"seen":1}]})";

}  // namespace

TEST_CASE("cli: a list in every format") {
  CHECK(list_text(kBody, kThings, Format::table, kLook) ==
        "NAME    N\n"
        "b       7\n"
        "a\\x1b  12\n");
  CHECK(list_text(kBody, kThings, Format::wide, {.now = kNow, .wide = true}) ==
        "NAME   MORE   N\n"
        "b      x      7\n"
        "a\\x1b  -     12\n");
  CHECK(list_text(kBody, kThings, Format::table, {.now = kNow, .headers = false}) ==
        "b       7\n"
        "a\\x1b  12\n");
  CHECK(list_text(kBody, kThings, Format::json, kLook) == kBody + "\n");
  CHECK(list_text(kBody, kThings, Format::jsonl, kLook) ==
        "{\"name\":\"b\",\"n\":7,\"more\":\"x\",\"seen\":1}\n"
        "{\"name\":\"a\\u001b\",\"n\":12,\"seen\":1}\n");
  CHECK(list_text(kBody, kThings, Format::name, kLook) == "b\na\\x1b\n");
  const List numbered{"things", "n", things_text, {}};
  CHECK(list_text(kBody, numbered, Format::name, kLook) == "7\n12\n");
}

TEST_CASE("cli: an answer of another shape is an empty list") {
  for (const char* body : {"", "[]", "{}", R"({"things":7})", R"({"things":[7,null]})"}) {
    CAPTURE(body);
    CHECK(list_text(body, kThings, Format::name, kLook).empty());
    CHECK_NOTHROW(list_text(body, kThings, Format::table, kLook));
    CHECK_NOTHROW(changed_since(body, kBody, kThings));
    CHECK_NOTHROW(changed_since(kBody, body, kThings));
  }
}

TEST_CASE("cli: what only passing time changes is no news") {
  CHECK(changed_since(kBody, kBody, kThings) == R"({"things":[]})");
  const std::string later =
      R"({"things":[{"name":"b","n":7,"more":"x","seen":2},{"name":"a\u001b","n":13,"seen":2}]})";
  CHECK(changed_since(kBody, later, kThings) ==
        R"({"things":[{"name":"a\u001b","n":13,"seen":2}]})");
}

TEST_CASE("cli: an agent by the start of its name") {
  const std::vector<std::string> names = {"lab-1", "lab-12", "room-3"};
  CHECK(*matching_name(names, "room") == "room-3");
  CHECK(*matching_name(names, "lab-1") == "lab-1");  // itself, though another begins so
  CHECK(*matching_name(names, "lab-9") == "lab-9");  // the master says that it is not there
  const auto several = matching_name(names, "lab");
  REQUIRE_FALSE(several.ok());
  CHECK(several.error().code == ErrorCode::conflict);
  CHECK(several.error().message == "2 agents' names begin with 'lab': lab-1 lab-12");
}

TEST_CASE("cli: languages, each version once, of those hosts that are there") {
  const auto agent = [](const char* name, const char* state, const char* version) {
    return Json{{"name", name},
                {"state", state},
                {"languages", Json::array({Json{{"id", "python3"}, {"version", version}}})}};
  };
  const Json agents = {
      {"agents", Json::array({agent("a", "active", "3.11"), agent("b", "draining", "3.11"),
                              agent("c", "lost", "3.9"), agent("d", "active", "3.12")})}};
  const std::string body = languages_of_agents(agents);
  CHECK(body == R"({"languages":[{"id":"python3","agents":3,"versions":[)"
                R"({"version":"3.11","agents":["a","b"]},{"version":"3.12","agents":["d"]}]}]})");
  CHECK(languages_text(Json::parse(body), {.now = kNow, .wide = true}) ==
        "LANGUAGE  VERSION  AGENTS  NAMES\n"
        "python3   3.11          2  a,b\n"
        "python3   3.12          1  d\n");
}

TEST_CASE("cli: files that nobody needs any more") {
  const Json files = {
      {"count", 5},
      {"files",
       Json::array({Json{{"id", "new"}, {"bytes", 1}, {"used", "2026-01-02T03:00:00.000Z"}},
                    Json{{"id", "old"}, {"bytes", 4'096}, {"used", "2025-12-01T03:00:00.000Z"}},
                    Json{{"id", "held"},
                         {"bytes", 7},
                         {"used", "2025-11-01T03:00:00.000Z"},
                         {"needed", true}}})}};
  const Unused unused = unused_in(files, kNow - std::int64_t{7} * 86'400'000);
  CHECK(unused.files == 1);
  CHECK(unused.bytes == 4'096);
  CHECK(unused.unlisted == 2);
  CHECK(files_text(files, kLook) ==
        "ID    SIZE  USED  NEEDED\n"
        "new    1 B    4m  no\n"
        "old   4 kB   32d  no\n"
        "held   7 B   62d  yes\n");
}

TEST_CASE("cli: sizes, and lines that a terminal would wrap") {
  CHECK(byte_count(-1) == "0 B");
  CHECK(byte_count(999) == "999 B");
  CHECK(byte_count(12'345) == "12 kB");
  CHECK(byte_count(3'456'000) == "3.4 MB");
  CHECK(byte_count(1'299'000'000) == "1.2 GB");
  CHECK(clipped("Zürich 漢字", 8) == "Zürich 漢");
  CHECK(clipped("short", 9) == "short");
  CHECK(clipped("\x1b[32mgreen\x1b[0m and more", 3) == "\x1b[32mgre\x1b[0m");
  CHECK(clipped("\x1b[32mab\x1b[0m", 2) == "\x1b[32mab\x1b[0m");
  CHECK(rfc3339(kNow) == "2026-01-02T03:04:05.678Z");
}

TEST_CASE("cli: what a run is at, as a line") {
  CHECK(progress_text({{"id", "01m8"}, {"state", "running"}, {"summary", "It runs on \x1b[2J."}}) ==
        "01m8 running: It runs on \\x1b[2J.");
  const Json done = {{"id", "01m8"},
                     {"state", "done"},
                     {"language", "c"},
                     {"outcome", 13},
                     {"http_status", 200},
                     {"outcome_name", "time limit"},
                     {"agent", "lab-1"},
                     {"run_ms", 5'200},
                     {"received", "2026-01-02T03:00:00.000Z"},
                     {"finished", "2026-01-02T03:04:00.000Z"}};
  CHECK(change_text(done, kLook) ==
        "2026-01-02T03:04:00.000Z  01m8  done  c  time limit  lab-1  5.2 s\n");
  Json running = done;
  running["state"] = "running";
  running["outcome"] = running["http_status"] = running["finished"] = running["run_ms"] = nullptr;
  CHECK(change_text(running, kLook) == "2026-01-02T03:04:05.678Z  01m8  running  c  lab-1\n");
}

TEST_CASE("cli: the cluster on one screen, however small it is") {
  Json agents = {{"agents", Json::array()}};
  Json jobs = {{"jobs", Json::array()}};
  for (int i = 10; i < 40; ++i) {
    agents["agents"].push_back({{"name", "lab-" + std::to_string(i)}, {"state", "active"}});
    jobs["jobs"].push_back({{"id", "job" + std::to_string(i)}, {"state", "running"}});
  }
  const Json status = {{"summary", "All 30 sandboxes take work."},
                       {"well", true},
                       {"queued", 2},
                       {"oldest_wait_ms", 1'500},
                       {"running", 30},
                       {"slots", 60},
                       {"done_per_minute", 7},
                       {"failed_per_minute", 0},
                       {"wait_p95_seconds", 1.25},
                       {"run_p95_seconds", nullptr}};
  const auto lines = [](const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  };
  const std::string whole = top_text(status, agents, jobs, kLook, {});
  CHECK(
      whole.starts_with("All 30 sandboxes take work.\n"
                        "queued 2 (oldest 1.5 s)   running 30/60   done 7/min   failed 0/min   "
                        "95% wait 1.2 s, run -\n"
                        "\n"
                        "AGENT   STATE   RUNNING  DONE  FAULTS  SEEN  REASON\n"
                        "lab-10  active      0/0     0       0     -  -\n"));
  CHECK(lines(whole) == 3 + 31 + 1 + 31);
  for (const std::size_t height : {1u, 12u, 24u, 50u, 200u}) {
    CAPTURE(height);
    const std::string screen = top_text(status, agents, jobs, kLook, {height, 20});
    CHECK(lines(screen) <= std::max<std::size_t>(height, 12) - 1);
    CHECK(screen.find("ID") != std::string::npos);
    std::istringstream text(screen);
    for (std::string line; std::getline(text, line);) CHECK(width_of(line) <= 20);
    CHECK((screen.find("… and ") != std::string::npos) == (height < 66));
  }
}

TEST_CASE("cli: settings come from files where nothing else says") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/docket.toml";
  const auto written = [&](const std::string& text) {
    std::ofstream(path) << text;
    return read_settings(path);
  };
  CHECK(read_settings(folder.path() + "/none")->master.value.empty());
  const auto good =
      written("# ours\nmaster = \"https://q.example.org\"\noutput = \"wide\"\nno-headers = true\n");
  REQUIRE(good.ok());
  CHECK(good->master.value == "https://q.example.org");
  CHECK(good->master.from == path + ": master");
  CHECK(good->output.value == "wide");
  CHECK(good->no_headers.value == "true");
  const auto foreign = written("mastre = \"x\"\n");
  REQUIRE_FALSE(foreign.ok());
  CHECK(foreign.error().code == ErrorCode::invalid);
  CHECK(foreign.error().message.find("'mastre' is no setting") != std::string::npos);
  CHECK_FALSE(written("[section]\nmaster = \"x\"\n").ok());
  CHECK_FALSE(written("master = [\"x\", \"y\"]\n").ok());

  Settings first;
  first.output = {"json", "-o"};
  const Settings both = merged(first, *good);
  CHECK(both.output.from == "-o");
  CHECK(both.master.from == path + ": master");
}

}  // namespace docket::cli
