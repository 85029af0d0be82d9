// The log: lines as JSON, floods of equal lines, and files that are rotated, moved or full.
#include "protocol/base/log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "protocol/base/log_json.h"
#include "protocol/base/log_repeats.h"
#include "tests/unit/temporary_folder.h"

using namespace docket;
using docket::test::TemporaryFolder;
using nlohmann::json;

namespace {

json parsed(std::string_view text) {
  return json::parse(json_line({"2026-11-23T10:00:00.000+00:00", "warn", "docket-master", text}));
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Logger logger_to(const std::string& path, const std::string& format = "text",
                 std::uint64_t max_mb = 0) {
  LogOptions options;
  options.file = path;
  options.format = format;
  options.max_file_mb = max_mb;
  auto log = make_logger("test", options);
  REQUIRE_MESSAGE(log.ok(), log.error().message);
  return *log;
}

}  // namespace

TEST_SUITE("log") {
  TEST_CASE("a line's pairs become members: numbers, quotes, words, hostile texts") {
    const json line = parsed("job=01abc attempt=2 agent=lab-1 ended=\"sandbox error\" outcome=0");
    CHECK(line["time"] == "2026-11-23T10:00:00.000+00:00");
    CHECK(line["level"] == "warn");
    CHECK(line["program"] == "docket-master");
    CHECK(line["job"] == "01abc");
    CHECK(line["attempt"] == 2);
    CHECK(line["ended"] == "sandbox error");
    CHECK(line["outcome"] == 0);
    CHECK_FALSE(line.contains("message"));
    const json mixed = parsed("http accept=stopped reason=\"it said \"no\" twice\" and so on");
    CHECK(mixed["message"] == "http and so on");
    CHECK(mixed["accept"] == "stopped");
    CHECK(mixed["reason"] == "it said \"no\" twice");
    CHECK(parsed("level=error time=0 program=x a=1 a=2") ==
          parsed("a=1"));  // no text can pass for what the line itself says
    CHECK(parsed("a=\"\" b= c=\"open")["a"] == "");
    CHECK(parsed("a=\"\" b= c=\"open")["b"] == "");
    CHECK(parsed("a=\"\" b= c=\"open")["c"] == "open");
    CHECK(parsed("")["level"] == "warn");
    CHECK(parsed("x=\xFF\n\"")["x"] == "\xEF\xBF\xBD\n\"");  // JSON all the same
    CHECK(parsed("n=123456789012345678")["n"] == "123456789012345678");
    CHECK(parsed("n=-5 m=1.5 Big=1")["n"] == -5);
    CHECK(parsed("n=-5 m=1.5 Big=1")["m"] == "1.5");
    CHECK(parsed("n=-5 m=1.5 Big=1")["message"] == "Big=1");
    CHECK(parsed("message=mine word")["message"] == "mine");
  }

  TEST_CASE("a flood of equal lines becomes a few and a count") {
    LogRepeats repeats;
    MonoMs now = 1'000;
    int written = 0;
    for (int i = 0; i < 1'000; ++i) written += repeats.admit("a", 3, now + i) ? 1 : 0;
    CHECK(written == static_cast<int>(LogRepeats::kWritten));
    CHECK(repeats.admit("b", 3, now + 999));
    CHECK(repeats.due(now + 9'999).empty());
    now += LogRepeats::kWindowMs;
    const auto told = repeats.due(now);
    REQUIRE(told.size() == 1);
    CHECK(told[0].line == "a");
    CHECK(told[0].level == 3);
    CHECK(told[0].times == 1'000 - LogRepeats::kWritten);
    // It goes on: one count for each window, and no line.
    CHECK_FALSE(repeats.admit("a", 3, now + 1));
    const auto again = repeats.due(now + LogRepeats::kWindowMs);
    REQUIRE(again.size() == 1);
    CHECK(again[0].times == 1);
    // It has stopped: nothing more is told, and the next one is news.
    CHECK(repeats.due(now + 2 * LogRepeats::kWindowMs).empty());
    CHECK(repeats.admit("a", 3, now + 2 * LogRepeats::kWindowMs + 1));
  }

  TEST_CASE("what is watched for floods is bounded; nothing beyond it is held back") {
    LogRepeats repeats;
    for (std::size_t i = 0; i < 10 * LogRepeats::kMostLines; ++i) {
      CHECK(repeats.admit("line " + std::to_string(i), 3, 0));
    }
    for (int i = 0; i < 10; ++i) CHECK(repeats.admit("one more", 3, 0));
  }

  TEST_CASE("a file: appended to, opened anew when it was moved") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/log";
    std::ofstream(path) << "before\n";
    const Logger log = logger_to(path);
    log->info("first={}", 1);
    log->debug("not=this");
    REQUIRE(lines_of(path).size() == 2);
    CHECK(std::regex_match(
        lines_of(path)[1],
        std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d test info first=1)")));
    std::filesystem::rename(path, path + ".1");
    log->info("second=1");
    CHECK(lines_of(path + ".1").size() == 3);
    REQUIRE(reopen_log(log).ok());
    REQUIRE(set_log_level(log, "debug").ok());
    log->debug("third=1");
    REQUIRE(lines_of(path).size() == 1);
    CHECK(lines_of(path)[0].ends_with("test debug third=1"));
    CHECK(lines_of(path + ".1").size() == 3);
    CHECK_FALSE(set_log_level(log, "loud").ok());
    // Where it cannot be opened, lines go on into what was open.
    std::filesystem::rename(path, path + ".2");
    std::filesystem::create_directory(path);
    const Status refused = reopen_log(log);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.starts_with("log-file: cannot open " + path));
    log->info("fourth=1");
    CHECK(lines_of(path + ".2").size() == 2);
  }

  TEST_CASE("what cannot be opened or is unknown names its setting") {
    LogOptions options;
    options.file = "/nonexistent/log";
    CHECK(make_logger("test", options).error().message.starts_with("log-file: "));
    options.file.clear();
    options.format = "xml";
    CHECK(make_logger("test", options).error().message.starts_with("log-format: "));
    options.format = "text";
    options.level = "loud";
    CHECK(make_logger("test", options).error().message.starts_with("log-level: "));
    CHECK(make_logger("test", "loud").error().message.starts_with("log-level: "));
  }

  TEST_CASE("a file at its bound takes the place of the one before; no line is lost between") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/log";
    const std::string padding(1'000, 'x');
    {
      const Logger log = logger_to(path, "text", 1);
      for (int i = 0; i < 2'500; ++i) log->info("n={} {}", i, padding);
    }
    CHECK(std::filesystem::file_size(path) <= 1u << 20);
    CHECK(std::filesystem::file_size(path + ".1") <= 1u << 20);
    CHECK_FALSE(std::filesystem::exists(path + ".2"));
    auto lines = lines_of(path + ".1");
    const auto newer = lines_of(path);
    CHECK_FALSE(newer.empty());
    lines.insert(lines.end(), newer.begin(), newer.end());
    int next = 2'500 - static_cast<int>(lines.size());
    CHECK(next > 0);
    for (const auto& line : lines) {
      CHECK(line.find(" n=" + std::to_string(next++) + " ") != line.npos);
    }
  }

  TEST_CASE("lines that a full disk refused are counted and told") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/log";
    std::filesystem::create_symlink("/dev/full", path);
    const Logger log = logger_to(path, "json");
    log->info("lost=1");
    log->info("lost=2");
    std::filesystem::remove(path);
    REQUIRE(reopen_log(log).ok());
    log->info("kept=1");
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 2);
    CHECK(json::parse(lines[0])["lost_lines"] == 2);
    CHECK(json::parse(lines[0])["level"] == "warning");
    CHECK(json::parse(lines[1])["kept"] == 1);
  }

  TEST_CASE("floods of warnings are held back in the file, information never") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/log";
    const Logger log = logger_to(path);
    for (int i = 0; i < 100; ++i) log->warn("disk=full");
    for (int i = 0; i < 100; ++i) log->info("job=done");
    CHECK(lines_of(path).size() == LogRepeats::kWritten + 100);
  }
}
