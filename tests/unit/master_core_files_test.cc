// The master's core and support files: they are held as long as a job may need them, and what an
// agent asks of them is read and sent.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

// A hold and a look at whether anybody still has it.
struct Watched {
  FileHold hold = std::make_shared<int>(0);
  bool released() {
    std::weak_ptr<const void> watch = hold;
    hold.reset();
    const bool gone = watch.expired();
    hold = watch.lock();
    return gone;
  }
};

Submit submission(const Cluster& cluster, FileHold hold) {
  Submit event;
  event.id = job_number(77);
  event.reply_to = cluster.reply_to(event.id);
  event.language = "c";
  event.files = {"abcdefgh"};
  event.hold = std::move(hold);
  event.run_spec = std::make_shared<const std::string>("{}");
  return event;
}

}  // namespace

TEST_SUITE("master core: files") {
  TEST_CASE("a job's files are held while it waits, runs and is tried again, and not longer") {
    Cluster cluster;
    Watched watched;
    cluster.feed(submission(cluster, watched.hold));
    const JobId id = job_number(77);
    CHECK_FALSE(watched.released());
    cluster.join("lab-1");
    cluster.join("lab-2");
    REQUIRE(cluster.running(id));
    cluster.finish(id, ended(Ending::push_failed));
    REQUIRE(cluster.running(id));
    CHECK_FALSE(watched.released());
    cluster.finish(id);
    CHECK(cluster.job(id).state == JobState::done);
    CHECK(watched.released());
  }

  TEST_CASE("a job that expires or is not accepted lets its files go") {
    Cluster cluster;
    Watched watched;
    SUBCASE("expired") {
      cluster.feed(submission(cluster, watched.hold));
      CHECK_FALSE(watched.released());
      cluster.pass(cluster.settings.queue_wait_ms);
      CHECK(cluster.job(job_number(77)).state == JobState::expired);
    }
    SUBCASE("refused") {
      cluster.feed(StoreProblem{"disk full"});
      cluster.feed(submission(cluster, watched.hold));
    }
    CHECK(watched.released());
  }

  TEST_CASE("a restored job's files are held until it is done") {
    Cluster cluster;
    Watched watched;
    Job job;
    job.id = job_number(1);
    job.asynchronous = true;
    job.language = "c";
    job.files = {"abcdefgh"};
    job.run_spec = std::make_shared<const std::string>("{}");
    Restored restored;
    restored.jobs = {job};
    restored.holds = {{job.id, watched.hold}};
    cluster.feed(std::move(restored));
    CHECK_FALSE(watched.released());
    cluster.join("lab-1");
    cluster.finish(job.id);
    CHECK(watched.released());
  }

  TEST_CASE("a request for a piece of a file is answered on the same link") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit({.files = {"abcdefgh"}});
    cluster.tell("lab-1", NeedChunk{cluster.current(id), "abcdefgh", 512});
    const auto sendings = cluster.of<SendChunk>();
    REQUIRE(sendings.size() == 1);
    CHECK(sendings[0].link == link);
    CHECK(sendings[0].id == cluster.current(id));
    CHECK(sendings[0].file == "abcdefgh");
    CHECK(sendings[0].offset == 512);
  }

  TEST_CASE("an agent gets only what its own, current attempts name, and is told so") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit({.files = {"abcdefgh"}});
    const AttemptId current = cluster.current(id);
    const LinkId other = cluster.join("lab-2");
    const auto refused = [&](const std::string& name, LinkId to, const NeedChunk& request) {
      cluster.tell(name, request);
      CHECK(cluster.of<SendChunk>().empty());
      CHECK(cluster.sent<FileAbsent>(to) == std::vector<FileAbsent>{{request.id, request.file}});
    };
    refused("lab-1", link, {current, "ijklmnop", 0});
    refused("lab-1", link, {{id, 7}, "abcdefgh", 0});
    refused("lab-1", link, {{job_number(99), 1}, "abcdefgh", 0});
    refused("lab-2", other, {current, "abcdefgh", 0});
  }
}
