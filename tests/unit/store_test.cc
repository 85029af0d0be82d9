// The store on a real SQLite in a folder of its own: journal and reader.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "master/store/list_query.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace fs = std::filesystem;

TEST_SUITE("store") {
  TEST_CASE("a job is found as it was saved, to the byte") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    Job job = finished_job(1);
    job.asynchronous = true;
    job.client_job = "q\"7 \xc3\xa9";
    job.files = {"abcdefgh", "ijklmnop"};
    job.run_spec = bytes(std::string("{\0\xff\xe2\x80\xa8}", 7));
    job.result = bytes(std::string("\0\xfe", 2));
    Attempt attempt;
    attempt.number = 2;
    attempt.agent = "lab-1";
    attempt.language_version = "12.2.0";
    attempt.assigned = 11;
    attempt.ended = 22;
    attempt.ending = Ending::agent_lost;
    attempt.http_status = 500;
    attempt.outcome = 20;
    attempt.push_ms = 33;
    attempt.run_ms = 44;
    attempt.detail = "said \"no\"\n\xff";  // not UTF-8: shown with a replacement character
    attempt.late_answer = 55;
    job.attempts = {attempt, attempt};
    open.commit({SaveJob{job}});

    const Job found = job_on_disk(folder, 1);
    CHECK(found.id == job.id);
    CHECK(found.state == JobState::done);
    CHECK(found.asynchronous);
    CHECK(found.language == "c");
    CHECK(found.client_job == job.client_job);
    CHECK(found.cputime_s == 5);
    CHECK(found.files == job.files);
    CHECK(*found.run_spec == *job.run_spec);
    CHECK(*found.result == *job.result);
    CHECK(found.received == job.received);
    CHECK(found.finished == job.finished);
    CHECK(found.http_status == 200);
    CHECK(found.outcome == 15);
    REQUIRE(found.attempts.size() == 2);
    const Attempt& second = found.attempts[1];
    CHECK(second.number == 2);
    CHECK(second.agent == "lab-1");
    CHECK(second.language_version == "12.2.0");
    CHECK(second.assigned == 11);
    CHECK(second.ended == 22);
    CHECK(second.ending == Ending::agent_lost);
    CHECK(second.http_status == 500);
    CHECK(second.outcome == 20);
    CHECK(second.push_ms == 33);
    CHECK(second.run_ms == 44);
    CHECK(second.detail == "said \"no\"\n\xef\xbf\xbd");
    CHECK(second.late_answer == 55);

    auto reader = open_reader(folder.path());
    auto absent = (*reader)->find(job_number(2));
    REQUIRE(absent.ok());
    CHECK_FALSE(absent->has_value());
  }

  TEST_CASE("empty bodies stay apart from absent ones") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    Job empty = finished_job(1);
    empty.run_spec = bytes("");
    empty.result = bytes("");
    open.commit({SaveJob{empty}, SaveJob{queued_job(2)}});
    CHECK(job_on_disk(folder, 1).run_spec->empty());
    REQUIRE(job_on_disk(folder, 1).result != nullptr);
    CHECK(job_on_disk(folder, 2).result == nullptr);
  }

  TEST_CASE("of the states within one commit the last is kept") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    Job job = queued_job(1);
    Job running = job;
    running.state = JobState::running;
    open.commit({SaveJob{job}, SaveJob{queued_job(2)}, SaveJob{running}, SaveJob{finished_job(1)}});
    CHECK(job_on_disk(folder, 1).state == JobState::done);
    CHECK(job_on_disk(folder, 2).state == JobState::queued);
    auto reader = open_reader(folder.path());
    CHECK(listed(**reader, {}).size() == 2);
  }

  TEST_CASE("progress rises, and closing commits what was posted") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      for (std::uint64_t number = 1; number <= 100; ++number) {
        open.journal->post(number, {SaveJob{queued_job(number)}});
      }
      open.journal.reset();
      const auto told = open.progress.told();
      REQUIRE_FALSE(told.empty());
      CHECK(told.back().committed == 100);
      for (std::size_t i = 1; i < told.size(); ++i) {
        CHECK(told[i - 1].committed <= told[i].committed);
        CHECK(told[i].problem.empty());
      }
    }
    auto reader = open_reader(folder.path());
    CHECK(listed(**reader, {.limit = 1'000}).size() == 100);
  }

  TEST_CASE("a batch without saves is committed too") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit({});
  }

  TEST_CASE("unfinished jobs and agents come back after a restart, jobs in order") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      CHECK(open.journal->take_restored().jobs.empty());
      Job running = queued_job(2);
      running.state = JobState::running;
      running.attempts.push_back({.number = 1, .agent = "lab-1"});
      Job failed = finished_job(4);
      failed.state = JobState::failed;
      Job expired = finished_job(5);
      expired.state = JobState::expired;
      open.commit({SaveJob{queued_job(3)}, SaveJob{running}, SaveJob{finished_job(1)},
                   SaveJob{failed}, SaveJob{expired}, SaveJob{queued_job(6)},
                   SaveAgent{{"lab-1", 2, 100, {{"c", "1"}}}}, SaveAgent{{"lab-2", 3, 50, {}}}});
      open.commit({SaveAgent{{"lab-1", 4, 150, {{"c", "2"}, {"java", "17"}}}}});
    }
    OpenJournal open(folder);
    const Restored restored = open.journal->take_restored();
    REQUIRE(restored.jobs.size() == 3);
    CHECK(restored.jobs[0].id == job_number(2));
    CHECK(restored.jobs[0].state == JobState::running);
    CHECK(restored.jobs[0].attempts.at(0).agent == "lab-1");
    CHECK(restored.jobs[1].id == job_number(3));
    CHECK(restored.jobs[2].id == job_number(6));
    CHECK(*restored.jobs[2].run_spec == "{\"run_spec\":{}}");
    REQUIRE(restored.agents.size() == 2);
    CHECK(restored.agents[0].name == "lab-1");
    CHECK(restored.agents[0].slots == 4);
    CHECK(restored.agents[0].weight_percent == 150);
    CHECK(restored.agents[0].languages == std::vector<Language>{{"c", "2"}, {"java", "17"}});
    CHECK(restored.agents[1].languages.empty());
  }

  TEST_CASE("keys of agents and join tokens are there again, and go with their agent") {
    const TemporaryFolder folder;
    const std::string key(64, 'a');
    const std::string other(64, 'b');
    {
      OpenJournal open(folder);
      open.commit({SaveAgentKey{{"lab-1", key, Trust::awaiting, 17}},
                   SaveAgentKey{{"lab-2", other, Trust::full, 18}},
                   SaveAgent{{"lab-2", 2, 100, {}}},
                   SaveJoinToken{{"digest", 1'767'323'045'678, 3, true, {"exam", "gpu"}}},
                   SaveJoinToken{{"gone", 1, 1, false, {}}}});
      open.commit({SaveAgentKey{{"lab-1", key, Trust::probation, 17}}, DeleteAgent{"lab-2"},
                   DeleteJoinToken{"gone"}});
    }
    OpenJournal open(folder);
    const Restored restored = open.journal->take_restored();
    REQUIRE(restored.agent_keys.size() == 1);
    CHECK(restored.agent_keys[0].name == "lab-1");
    CHECK(restored.agent_keys[0].public_key == key);
    CHECK(restored.agent_keys[0].trust == Trust::probation);
    CHECK(restored.agent_keys[0].joined == 17);
    CHECK(restored.agents.empty());
    REQUIRE(restored.tokens.size() == 1);
    CHECK(restored.tokens[0].id == "digest");
    CHECK(restored.tokens[0].expires == 1'767'323'045'678);
    CHECK(restored.tokens[0].uses == 3);
    CHECK(restored.tokens[0].approve);
    CHECK(restored.tokens[0].tags == std::vector<std::string>{"exam", "gpu"});
  }

  TEST_CASE("lists are newest first, filtered, bounded, and without bodies") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    Job java = queued_job(2);
    java.language = "java";
    java.state = JobState::running;
    java.attempts = {{.number = 1, .agent = "lab-1"}, {.number = 2, .agent = "lab-2"}};
    Job injected = queued_job(3);
    injected.language = "c' OR 1 --";
    open.commit(
        {SaveJob{finished_job(4)}, SaveJob{queued_job(1)}, SaveJob{java}, SaveJob{injected}});
    auto opened = open_reader(folder.path());
    JobReader& reader = **opened;
    using Ids = std::vector<JobId>;
    CHECK(listed(reader, {}) == Ids{job_number(4), job_number(3), job_number(2), job_number(1)});
    CHECK(listed(reader, {.limit = 2}) == Ids{job_number(4), job_number(3)});
    CHECK(listed(reader, {.limit = 0}).empty());
    CHECK(listed(reader, {.state = JobState::queued}) == Ids{job_number(3), job_number(1)});
    CHECK(listed(reader, {.language = "c"}) == Ids{job_number(4), job_number(1)});
    CHECK(listed(reader, {.language = "c' OR 1 --"}) == Ids{job_number(3)});
    CHECK(listed(reader, {.agent = "lab-2"}) == Ids{job_number(2)});
    CHECK(listed(reader, {.agent = "lab-1"}).empty());  // only the last attempt counts
    CHECK(listed(reader, {.state = JobState::running, .language = "java", .agent = "lab-2"}) ==
          Ids{job_number(2)});
    CHECK(listed(reader, {.state = JobState::done, .language = "java"}).empty());
    const auto jobs = reader.list({});
    CHECK(jobs->at(0).run_spec == nullptr);
    CHECK(jobs->at(0).result == nullptr);
    CHECK(jobs->at(2).attempts.size() == 2);
  }

  TEST_CASE("lists are filtered by everything at once, and paged") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    std::vector<Save> saves;
    for (std::uint64_t number = 1; number <= 40; ++number) {
      Job job = number % 2 == 0 ? finished_job(number) : queued_job(number);
      if (number % 8 == 0) job.state = JobState::failed;
      if (number % 10 == 0) job.state = JobState::cancelled;
      if (number % 4 == 0) job.outcome = 13;
      job.key = number % 3 == 0 ? "moodle" : "";
      job.client_job = "Quiz-" + std::to_string(number);
      saves.push_back(SaveJob{job});
    }
    open.commit(std::move(saves));
    auto opened = open_reader(folder.path());
    JobReader& reader = **opened;
    using Ids = std::vector<JobId>;
    const auto ids = [](std::initializer_list<std::uint64_t> numbers) {
      Ids all;
      for (const auto number : numbers) all.push_back(job_number(number));
      return all;
    };
    CHECK(listed(reader, {.state = JobState::failed}) == ids({32, 24, 16, 8}));
    CHECK(listed(reader, {.state = JobState::failed, .key = "moodle"}) == ids({24}));
    CHECK(listed(reader, {.state = JobState::cancelled}) == ids({40, 30, 20, 10}));
    CHECK(listed(reader, {.state = JobState::queued, .key = "moodle", .limit = 2}) ==
          ids({39, 33}));
    CHECK(listed(reader, {.state = JobState::done, .outcome = 13}) == ids({36, 28, 12, 4}));
    CHECK(listed(reader, {.outcome = 99}).empty());
    CHECK(listed(reader, {.text = "quiz-7"}) == ids({7}));
    CHECK(listed(reader, {.text = "QUIZ-1", .limit = 2}) == ids({19, 18}));
    CHECK(listed(reader, {.text = job_number(5).text().substr(3)}) == ids({5}));
    CHECK(listed(reader, {.text = "%' OR 1 --"}).empty());
    CHECK(listed(reader, {.before = job_number(3)}) == ids({2, 1}));
    CHECK(listed(reader, {.state = JobState::failed, .before = job_number(24), .limit = 1}) ==
          ids({16}));
    const Job first = queued_job(1);
    const WallMs made = received_at(first.id);
    CHECK(listed(reader, {.from = made, .limit = 50}).size() == 40);
    CHECK(listed(reader, {.to = made}).empty());
    CHECK(listed(reader, {.from = made + 1}).size() == 0);
  }

  TEST_CASE("no list reads the bulk of the rows to find its jobs") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    auto database = Connection::open(folder.database(), Connection::Mode::read);
    const JobFilter filters[] = {{},
                                 {.state = JobState::queued},
                                 {.state = JobState::done, .text = "x"},
                                 {.state = JobState::failed, .agent = "lab-1"},
                                 {.language = "c",
                                  .agent = "a",
                                  .key = "k",
                                  .outcome = 13,
                                  .from = 1,
                                  .to = 2,
                                  .text = "t",
                                  .before = job_number(9)}};
    for (const JobFilter& filter : filters) {
      const ListQuery query(filter);
      CAPTURE(query.sql());
      auto plan = database->prepare("EXPLAIN QUERY PLAN " + query.sql());
      REQUIRE(plan.ok());
      query.bind_to(*plan);
      std::string steps;
      while (*plan->step()) steps += plan->text(3) + "\n";
      CAPTURE(steps);
      const bool rare = filter.state && filter.state != JobState::done;
      CHECK((steps.find("COVERING INDEX jobs_listed") != std::string::npos) == !rare);
      CHECK(steps.find("SCAN jobs\n") == std::string::npos);
      CHECK(steps.find("TEMP B-TREE") == std::string::npos);
    }
  }

  TEST_CASE("a reader sees what was committed after it was opened") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    auto reader = open_reader(folder.path());
    CHECK(listed(**reader, {}).empty());
    open.commit({SaveJob{queued_job(1)}});
    CHECK((*reader)->find(job_number(1))->has_value());
    open.commit({SaveJob{finished_job(1)}});
    CHECK((*(*reader)->find(job_number(1)))->state == JobState::done);
  }

  TEST_CASE("retention deletes finished jobs that are old, and nothing else") {
    const TemporaryFolder folder;
    const WallMs day = 24 * 3'600 * 1'000;
    const WallMs now = read_clock().wall;
    RetentionLimits month;
    month.age_ms = 30 * day;
    {
      OpenJournal open(folder, month);
      Job failed = finished_job(4, now - 31 * day);
      failed.state = JobState::failed;
      open.commit({SaveJob{queued_job(1)}, SaveJob{finished_job(2, now - 31 * day)},
                   SaveJob{finished_job(3, now - 29 * day)}, SaveJob{failed}});
    }
    OpenJournal open(folder, month);
    open.commit({});  // the journal looks for old jobs after the first turn of its life
    open.commit({});
    auto reader = open_reader(folder.path());
    CHECK(listed(**reader, {}) == std::vector<JobId>{job_number(3), job_number(1)});
  }

  TEST_CASE("a database of a later layout is refused and left alone") {
    const TemporaryFolder folder;
    { OpenJournal open(folder); }
    {
      auto connection = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(connection->execute("PRAGMA user_version=99").ok());
    }
    const std::string message = refusal_to_open(folder.path(), ErrorCode::conflict);
    CHECK(message.find("layout 99") != std::string::npos);
    CHECK(message.find("upgrade docket-master") != std::string::npos);
    auto connection = Connection::open(folder.database(), Connection::Mode::read);
    CHECK(*connection->integer("PRAGMA user_version") == 99);
  }

  TEST_CASE("a file that is no database is refused and left alone") {
    const TemporaryFolder folder;
    const std::string content(8'192, 'x');
    std::ofstream(folder.database()) << content;
    const std::string message = refusal_to_open(folder.path(), ErrorCode::corrupt);
    CHECK(message.find("not a database") != std::string::npos);
    CHECK(message.find(folder.database()) != std::string::npos);
    CHECK(fs::file_size(folder.database()) == content.size());
  }

  TEST_CASE("a row that cannot be read is named") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      open.commit({SaveJob{queued_job(1)}});
    }
    {
      auto connection = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(connection->execute("UPDATE jobs SET attempts='[{]'").ok());
    }
    const std::string message = refusal_to_open(folder.path(), ErrorCode::corrupt);
    CHECK(message.find(job_number(1).text()) != std::string::npos);
    auto reader = open_reader(folder.path());
    CHECK((*reader)->find(job_number(1)).error().code == ErrorCode::corrupt);
    CHECK((*reader)->list({}).error().code == ErrorCode::corrupt);
  }

  TEST_CASE("a folder that is missing or cannot be written is named") {
    const TemporaryFolder folder;
    const std::string missing = folder.path() + "/none";
    CHECK(refusal_to_open(missing, ErrorCode::unavailable).find(missing) != std::string::npos);
    CHECK_FALSE(open_reader(missing).ok());
    fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                       fs::perms::others_read | fs::perms::others_exec);
    std::string message;
    std::thread somebody([&] {
      // Root may write anywhere. The bare call is for this thread alone, unlike the library's.
      if (::geteuid() == 0 && ::syscall(SYS_setresuid, 65'534, 65'534, 65'534) != 0) return;
      auto opened = Journal::open({folder.path(), {}}, silent_log());
      if (!opened && opened.error().code == ErrorCode::unavailable) {
        message = opened.error().message;
      }
    });
    somebody.join();
    CHECK(message.find(folder.database()) != std::string::npos);
    fs::permissions(folder.path(), fs::perms::owner_all);
  }
}

TEST_SUITE("slow store") {
  TEST_CASE("a commit that fails is told once, tried again, and nothing is lost") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit({SaveJob{queued_job(1)}});
    auto other = Connection::open(folder.database(), Connection::Mode::write);
    REQUIRE(other->execute("BEGIN IMMEDIATE").ok());
    open.journal->post(++open.last, {SaveJob{queued_job(2)}});
    open.progress.wait_problem();  // after SQLite's own patience of 5 s
    CHECK(open.progress.told().back().committed == 1);
    CHECK(open.progress.told().back().problem.find("locked") != std::string::npos);
    open.journal->post(++open.last, {SaveJob{queued_job(3)}});
    auto reader = open_reader(folder.path());
    CHECK(listed(**reader, {}).size() == 1);
    REQUIRE(other->execute("COMMIT").ok());
    open.progress.wait_committed(3);
    CHECK(open.progress.told().back().problem.empty());
    CHECK(listed(**reader, {}).size() == 3);
    int problems = 0;
    for (const auto& told : open.progress.told()) problems += !told.problem.empty();
    CHECK(problems == 1);
  }

  TEST_CASE("a journal that cannot commit can be closed") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    auto other = Connection::open(folder.database(), Connection::Mode::write);
    REQUIRE(other->execute("BEGIN IMMEDIATE").ok());
    open.journal->post(1, {SaveJob{queued_job(1)}});
    open.progress.wait_problem();
    open.journal.reset();
    REQUIRE(other->execute("ROLLBACK").ok());
    CHECK(open.progress.told().back().committed == 0);
  }
}
