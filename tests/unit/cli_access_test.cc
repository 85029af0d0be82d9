// The command line's part in access: where a master is, where tokens are kept, and how tokens, the
// audit and ages of purges read. Files, but no network.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "master/cli/credentials.h"
#include "master/cli/fields.h"
#include "master/cli/master_url.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "tests/unit/temporary_folder.h"

using docket::test::TemporaryFolder;

namespace docket::cli {
namespace {

constexpr WallMs kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z
constexpr Look kLook = {.now = kNow};

std::string url_of(const std::string& text) {
  const auto url = master_url("URL", text);
  return url ? *url : url.error().message.substr(0, 4);
}

}  // namespace

TEST_CASE("cli: a master's address, with what goes without saying") {
  CHECK(url_of("http://127.0.0.1:4001") == "http://127.0.0.1:4001");
  CHECK(url_of("http://127.0.0.1:4001/") == "http://127.0.0.1:4001");
  CHECK(url_of("http://[::1]:4001") == "http://[::1]:4001");
  CHECK(url_of("https://docket.example.org") == "https://docket.example.org:443");
  CHECK(url_of("https://docket.example.org/") == "https://docket.example.org:443");
  CHECK(url_of("https://docket.example.org:8443") == "https://docket.example.org:8443");
  CHECK(url_of("https://[fd00::1]") == "https://[fd00::1]:443");
  for (const char* bad :
       {"", "docket.example.org", "http://docket.example.org", "ftp://a:1", "https://",
        "https://a/b", "https://user@a", "http://a@b:1", "https://a:x", "https://a b:1"}) {
    CAPTURE(bad);
    CHECK(url_of(bad) == "URL:");
  }
}

TEST_CASE("cli: tokens are kept for their owner alone") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/deep/docket/credentials.json";
  CHECK(read_credentials(path)->of_master.empty());
  Credentials kept;
  kept.last = "https://a:443";
  kept.of_master["https://a:443"] = {"secret", "/etc/ca.pem"};
  kept.of_master["http://b:1"] = {"other", ""};
  REQUIRE(write_credentials(path, kept).ok());
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  const auto back = read_credentials(path);
  REQUIRE(back.ok());
  CHECK(back->last == "https://a:443");
  CHECK(back->of_master.at("https://a:443").token == "secret");
  CHECK(back->of_master.at("https://a:443").ca_file == "/etc/ca.pem");
  CHECK(back->of_master.at("http://b:1").token == "other");
  for (const unsigned mode : {0640u, 0604u, 0620u}) {
    std::filesystem::permissions(path, std::filesystem::perms(mode));
    const auto open = read_credentials(path);
    REQUIRE_FALSE(open.ok());
    CHECK(open.error().code == ErrorCode::denied);
  }
  // Written anew, it is private again, whatever it was.
  REQUIRE(write_credentials(path, kept).ok());
  CHECK(read_credentials(path).ok());
  std::ofstream(path) << "no JSON";
  CHECK(read_credentials(path).error().code == ErrorCode::corrupt);
}

TEST_CASE("cli: tokens and the audit, with nothing that could steer a terminal") {
  const Json tokens = {{"tokens", Json::array({Json{{"name", "ana"},
                                                    {"role", "operate"},
                                                    {"source", true},
                                                    {"created", "2026-01-02T03:01:05.678Z"}}})}};
  CHECK(tokens_text(tokens, kLook) ==
        "NAME  ROLE     SOURCE  AGE\n"
        "ana   operate  yes      3m\n");
  const Json audit = {{"entries", Json::array({Json{{"id", 7},
                                                    {"at", "2026-01-02T03:01:05.678Z"},
                                                    {"who", "ana"},
                                                    {"what", "agents.drain"},
                                                    {"on", "lab-1"},
                                                    {"why", "\x1b[2J"},
                                                    {"from", "10.0.0.7"}}})}};
  CHECK(audit_text(audit, kLook) ==
        "TIME                      WHO  WHAT          ON     FROM      WHY\n"
        "2026-01-02T03:01:05.678Z  ana  agents.drain  lab-1  10.0.0.7  \\x1b[2J\n");
}

TEST_CASE("cli: a job whose source is not here says why") {
  const Json job = {{"id", "x"}, {"state", "done"}, {"bodies", "purged"}};
  CHECK(job_text(job, kLook).find("purged") != std::string::npos);
  const Json withheld = {{"id", "x"}, {"state", "done"}, {"bodies", "withheld"}};
  CHECK(job_text(withheld, kLook).find("--source") != std::string::npos);
  const Json shown = {{"id", "x"}, {"state", "done"}, {"bodies", "shown"}};
  CHECK(job_text(shown, kLook).find("Source") == std::string::npos);
}

TEST_CASE("cli: a span of time is a number and a unit") {
  CHECK(seconds_of("90s") == 90);
  CHECK(seconds_of("30m") == 1'800);
  CHECK(seconds_of("1h") == 3'600);
  CHECK(seconds_of("90d") == 90 * 86'400);
  CHECK(seconds_of("26w") == 26 * 7 * 86'400);
  for (const char* bad : {"", "d", "90", "0d", "-1d", "1.5d", "90 d", "90mm", "90x", "99999d",
                          "9223372036854775807w", "99999999999999999999s"}) {
    CAPTURE(bad);
    CHECK_FALSE(seconds_of(bad));
  }
}

}  // namespace docket::cli
