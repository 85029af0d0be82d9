// What lists of jobs are asked for with: queries, times, pages. No sockets, no disk.
#include <doctest/doctest.h>

#include "master/http/api/files_order.h"
#include "master/http/api/jobs_query.h"
#include "master/http/api/views.h"
#include "protocol/base/percent.h"

using namespace docket;
using namespace docket::http;

namespace {

constexpr WallMs kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z

Result<JobFilter> filter_of(std::string_view query) {
  return read_jobs_query(fields_of(query), kNow);
}

std::string refusal_of(std::string_view query) {
  const auto filter = filter_of(query);
  return filter ? "" : filter.error().message;
}

// Jobs 1 to `count`, of which it gives what a store would.
class CountedJobs final : public JobReader {
 public:
  explicit CountedJobs(std::uint64_t count) : count_(count) {}
  Result<std::optional<Job>> find(const JobId&) override { return std::optional<Job>(); }
  Result<std::vector<Job>> list(const JobFilter& filter) override {
    std::vector<Job> jobs;
    for (std::uint64_t n = filter.before ? filter.before->hi - 1 : count_; n > 0; --n) {
      if (jobs.size() == filter.limit) break;
      jobs.emplace_back().id = JobId{n, 0};
    }
    return jobs;
  }
  Result<std::uint64_t> count_with_bodies(WallMs) override { return 0; }

 private:
  const std::uint64_t count_;
};

}  // namespace

TEST_SUITE("jobs query") {
  TEST_CASE("a query is names and values, as forms write it") {
    const QueryFields fields = fields_of("a=1&b=x+y%21%2&c&=d&a=%C3%A9");
    REQUIRE(fields.size() == 5);
    CHECK(fields[0] == std::pair<std::string, std::string>("a", "1"));
    CHECK(fields[1].second == "x y!%2");
    CHECK(fields[2] == std::pair<std::string, std::string>("c", ""));
    CHECK(fields[3].first.empty());
    CHECK(fields[4].second == "\xC3\xA9");
    CHECK(fields_of("").empty());
    CHECK(fields_of("&&").size() == 2);
    CHECK(percent_encoded("a-b_c.d~ é&=+/") == "a-b_c.d~%20%C3%A9%26%3D%2B%2F");
    const std::string any = "\x01 &=%+;é\"<";
    CHECK(fields_of("x=" + percent_encoded(any)).at(0).second == any);
  }

  TEST_CASE("every filter is read, and an empty one is none") {
    const auto filter = filter_of(
        "state=failed&language=c&agent=lab-1&key=moodle&outcome=time+limit&from=1h&"
        "to=2026-01-02T03:00:00Z&text=q7&limit=7&cursor=01m841bbqs7gscnex996m41pdq");
    REQUIRE(filter.ok());
    CHECK(filter->state == JobState::failed);
    CHECK(filter->language == "c");
    CHECK(filter->agent == "lab-1");
    CHECK(filter->key == "moodle");
    CHECK(filter->outcome == 13);
    CHECK(filter->from == kNow - 3'600'000);
    CHECK(rfc3339(filter->to) == "2026-01-02T03:00:00.000Z");
    CHECK(filter->text == "q7");
    CHECK(filter->limit == 7);
    REQUIRE(filter->before.has_value());
    CHECK(filter->before->text() == "01m841bbqs7gscnex996m41pdq");
    const auto empty = filter_of("state=&language=&outcome=&from=&to=&text=&limit=&cursor=");
    REQUIRE(empty.ok());
    CHECK_FALSE(empty->state);
    CHECK_FALSE(empty->outcome);
    CHECK(empty->from == 0);
    CHECK(empty->limit == JobFilter().limit);
    CHECK(filter_of("outcome=15")->outcome == 15);
  }

  TEST_CASE("a refusal names the parameter and what it must be") {
    CHECK(refusal_of("stat=failed").starts_with("unknown parameter 'stat'; there are state, "));
    CHECK(refusal_of("stat=").starts_with("unknown parameter"));
    CHECK(refusal_of("state=lost").starts_with("state: 'lost' is none of queued, "));
    CHECK(refusal_of("outcome=fine").starts_with("outcome: 'fine' is neither"));
    CHECK(refusal_of("from=yesterday").starts_with("from: 'yesterday' is neither a time"));
    CHECK(refusal_of("limit=0") == "limit: '0' is not a number from 1 to 1000");
    CHECK(refusal_of("limit=1001") == "limit: '1001' is not a number from 1 to 1000");
    CHECK(refusal_of("cursor=7") == "cursor: '7' is not what an answer gave as next");
  }

  TEST_CASE("a moment is a time of RFC 3339 or an age") {
    const auto text_of = [](std::string_view text) {
      const auto moment = read_moment(text, kNow);
      return moment ? rfc3339(*moment) : "none";
    };
    CHECK(text_of("2026-11-23T10:00:00Z") == "2026-11-23T10:00:00.000Z");
    CHECK(text_of("2026-11-23T10:00:00.25Z") == "2026-11-23T10:00:00.250Z");
    CHECK(text_of("2026-11-23T10:00:00.123456+01:30") == "2026-11-23T08:30:00.123Z");
    CHECK(text_of("2026-11-23T10:00:00-05:00") == "2026-11-23T15:00:00.000Z");
    CHECK(text_of("90s") == rfc3339(kNow - 90'000));
    CHECK(text_of("15m") == rfc3339(kNow - 900'000));
    CHECK(text_of("24h") == rfc3339(kNow - 86'400'000));
    CHECK(text_of("7d") == rfc3339(kNow - 7 * 86'400'000));
    CHECK(read_moment("4000000000d", kNow) == 1);  // before all time is all time
    for (const char* bad :
         {"", "s", "h1", "1w", "-1h", "1.5h", "2026-11-23", "2026-11-23T10:00Z",
          "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-23T25:00:00Z",
          "2026-11-23T10:00:00", "2026-11-23T10:00:00Z ", "2026-11-23T10:00:00+1",
          "2026-11-23 10:00:00Z", "99999999999999999999s", "1969-01-01T00:00:00Z"}) {
      CAPTURE(bad);
      CHECK_FALSE(read_moment(bad, kNow));
    }
  }

  TEST_CASE("pages follow one another to the end, with no job twice and none left out") {
    for (const std::uint64_t count : {0, 1, 9, 10, 11, 20, 25}) {
      CAPTURE(count);
      CountedJobs jobs(count);
      JobFilter filter;
      filter.limit = 10;
      std::uint64_t expected = count;
      for (int pages = 0;; ++pages) {
        REQUIRE(pages < 4);
        const auto page = read_page(jobs, filter);
        REQUIRE(page.ok());
        CHECK(page->jobs.size() <= 10);
        for (const Job& job : page->jobs) CHECK(job.id.hi == expected--);
        filter.before = page->next;
        if (!page->next) break;
      }
      CHECK(expected == 0);
    }
  }

  TEST_CASE("how long files must have been unused") {
    CHECK(*read_unused_age(R"({"unused_days":30})") == std::int64_t{30} * 86'400'000);
    CHECK(*read_unused_age(R"({"unused_days":0})") == 0);
    for (const char* bad : {"", "[]", "{}", R"({"unused_days":-1})", R"({"unused_days":"1"})",
                            R"({"unused_days":1.5})", R"({"unused_days":4000})",
                            R"({"unused_days":1,"really":true})"}) {
      CAPTURE(bad);
      CHECK_FALSE(read_unused_age(bad).ok());
    }
  }
}
