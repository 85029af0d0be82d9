// The pages as the master sends them: whole before any script has run, and never markup from data.
#include <doctest/doctest.h>

#include "master/http/api/pages.h"
#include "web/assets.h"
#include "web/template.h"

using namespace docket;
using namespace docket::http;

namespace {

constexpr WallMs kNow = 1'767'323'045'678;
constexpr const char* kAttack = "\"><script>x</script>{{jobs}}'&";
constexpr const char* kTamed = "&quot;&gt;&lt;script&gt;x&lt;/script&gt;{{jobs}}&#39;&amp;";

std::string page(std::string_view path) {
  const web::Asset* asset = web::find_asset(path);
  REQUIRE(asset != nullptr);
  CHECK(asset->content_type.starts_with("text/html"));
  return std::string(asset->content);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Job attack_job() {
  Job job;
  job.id = JobId{std::uint64_t{kNow} << 16, 7};
  job.state = JobState::done;
  job.language = kAttack;
  job.key = kAttack;
  job.received = kNow - 65'000;
  job.finished = kNow;
  job.outcome = 15;
  job.attempts.emplace_back().agent = kAttack;
  return job;
}

}  // namespace

TEST_SUITE("pages") {
  TEST_CASE("holes are filled once, and unknown ones stay") {
    CHECK(web::filled("a{{x}}b{{y}}c{{x}}", {{"x", "{{y}}"}, {"y", "2"}}) == "a{{y}}b2c{{y}}");
    CHECK(web::filled("{{z}} {{", {{"x", "1"}}) == "{{z}} {{");
    CHECK(web::filled("", {}).empty());
    CHECK(web::html_text(kAttack) == kTamed);
  }

  TEST_CASE("every page is in the layout, with its own script, and knows where it is") {
    for (const char* path : {"/", "/jobs", "/jobs/x", "/run", "/files", "/keys", "/audit"}) {
      CAPTURE(path);
      const std::string text = page(path);
      CHECK(text.starts_with("<!doctype html>"));
      CHECK(count_of(text, " aria-current=\"page\"") == 1);
      CHECK(count_of(text, "<script ") == 1);
      CHECK_FALSE(has(text, "{{root}}"));
      CHECK_FALSE(has(text, "{{at "));
      CHECK_FALSE(has(text, "=\"/"));  // below a prefix, nothing may be absolute
      CHECK_FALSE(has(text, "://"));
    }
    CHECK(has(page("/jobs/x"), "src=\"../job.js\""));
    CHECK(web::find_asset("/jobs/") == nullptr);
    CHECK(web::find_asset("/jobs/a/b") == nullptr);
    CHECK(web::find_asset("/layout.html") == nullptr);
    CHECK(web::find_asset("/common.js") != nullptr);
  }

  TEST_CASE("the overview has the light and both tables, and data is never markup") {
    Snapshot snapshot;
    AgentView agent;
    agent.name = agent.reason = agent.version = kAttack;
    agent.state = AgentState::quarantined;
    agent.languages = {{kAttack, kAttack}};
    agent.since = kNow - 7'200'000;
    snapshot.agents = {agent};
    const std::string text = overview_page(page("/"), snapshot, {attack_job()}, kNow);
    CHECK_FALSE(has(text, "<script>"));
    CHECK(count_of(text, kTamed) >= 7);
    CHECK(has(text, "data-level=\"bad\""));
    CHECK(has(text, "No sandbox can take work."));
    CHECK(has(text, "quarantined</span> for 2 h"));
    CHECK(has(text, "<a href=\"jobs/" + attack_job().id.text() + "\""));
    CHECK(has(text, ">1 min ago<"));
  }

  TEST_CASE("the list of jobs tells what was asked and links to what is older") {
    JobPage found{{attack_job()}, attack_job().id};
    const QueryFields asked = {{"state", "done"}, {"text", kAttack}, {"key", ""}, {"cursor", "x"}};
    const std::string text = jobs_page(page("/jobs"), asked, found, kNow);
    CHECK_FALSE(has(text, "<script>"));
    CHECK(has(text, std::string("state done, text ") + kTamed));
    CHECK(has(text, "href=\"jobs?state=done&amp;text=%22%3E%3Cscript%3Ex%3C%2Fscript%3E"));
    CHECK(has(text, "&amp;cursor=" + attack_job().id.text() + "\">Older jobs</a>"));
    found.next.reset();
    CHECK_FALSE(has(jobs_page(page("/jobs"), asked, found, kNow), "Older jobs"));
    const Error error{ErrorCode::invalid, kAttack};
    const std::string refused = jobs_page(page("/jobs"), asked, error, kNow);
    CHECK(has(refused, kTamed));
    CHECK_FALSE(has(refused, "<script>"));
  }
}
