// Retention by size, the bound of the write-ahead log, and what both cost commits.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include "master/core/seams.h"
#include "master/store/retention.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMegabyte = 1 << 20;

Job large_job(std::uint64_t number, JobState state, std::size_t body_bytes) {
  Job job = state == JobState::queued
                ? queued_job(number)
                : finished_job(number, 1'000'000 + static_cast<WallMs>(number));
  job.state = state;
  job.run_spec = bytes(std::string(body_bytes, 'x'));
  return job;
}

std::uint64_t used_bytes(const TemporaryFolder& folder) {
  auto database = Connection::open(folder.database(), Connection::Mode::read);
  return static_cast<std::uint64_t>(
      (*database->integer("PRAGMA page_count") - *database->integer("PRAGMA freelist_count")) *
      *database->integer("PRAGMA page_size"));
}

std::int64_t count(const TemporaryFolder& folder, const std::string& where) {
  auto database = Connection::open(folder.database(), Connection::Mode::read);
  return *database->integer("SELECT count(*) FROM jobs WHERE " + where);
}

// Retention goes on between commits: gives it turns until `done`.
template <class Done>
void commit_until(OpenJournal& open, Done done) {
  for (int turn = 0; turn < 10'000 && !done(); ++turn) open.commit({});
  CHECK(done());
}

RetentionLimits forever(std::uint64_t database_bytes) {
  RetentionLimits limits;
  limits.age_ms = std::int64_t{1'000'000} * 24 * 3'600 * 1'000;
  limits.bodies_ms = limits.age_ms;
  limits.database_bytes = database_bytes;
  return limits;
}

// Files of this process become no larger while it is there.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit lower{bytes, before_.rlim_max};
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &lower) == 0);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

}  // namespace

TEST_SUITE("store checkpoints") {
  TEST_CASE("a problem is over when a checkpoint succeeds, however short the log is by then") {
    const TemporaryFolder folder;
    const auto ten_megabytes = [](std::uint64_t first) {
      std::vector<Save> saves;
      for (std::uint64_t i = first; i < first + 100; ++i) {
        saves.emplace_back(SaveJob{large_job(i, JobState::queued, 100'000)});
      }
      return saves;
    };
    {
      OpenJournal open(folder, forever(1'000 * kMegabyte));
      open.commit(ten_megabytes(1));
      open.commit(ten_megabytes(101));
    }
    OpenJournal open(folder, forever(1'000 * kMegabyte));
    {
      const FileLimit limit(16 * kMegabyte);  // enough for the log, too little for the database
      open.commit(ten_megabytes(201));
      open.progress.wait_problem();
    }
    // Another program copies the log, and the next commit begins it anew.
    auto other = Connection::open(folder.database(), Connection::Mode::write);
    REQUIRE(other->execute("PRAGMA wal_checkpoint(TRUNCATE)").ok());
    open.commit({SaveJob{queued_job(301)}});
    open.progress.wait_well();
    CHECK(count(folder, "1") == 301);
  }
}

TEST_SUITE("store retention") {
  TEST_CASE("over the size the oldest finished go; unfinished and named ones stay") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder, forever(1'000 * kMegabyte));
      std::vector<Save> saves;
      for (std::uint64_t i = 1; i <= 100; ++i) {
        saves.emplace_back(SaveJob{large_job(i, JobState::queued, 20'000)});
      }
      for (std::uint64_t i = 101; i <= 1'000; ++i) {
        saves.emplace_back(SaveJob{large_job(i, JobState::done, 20'000)});
      }
      Job named = large_job(1'001, JobState::done, 20'000);
      named.idempotency_key = "again";
      named.received = read_clock().wall;
      saves.emplace_back(SaveJob{named});
      Job once_named = large_job(1'002, JobState::done, 20'000);
      once_named.idempotency_key = "long ago";
      once_named.finished = 1;
      saves.emplace_back(SaveJob{once_named});
      open.commit(std::move(saves));
    }
    CHECK(used_bytes(folder) > 15 * kMegabyte);
    {
      OpenJournal open(folder, forever(10 * kMegabyte));
      commit_until(open, [&] { return used_bytes(folder) <= 10 * kMegabyte; });
    }
    CHECK(used_bytes(folder) > 7 * kMegabyte);  // no more than had to go
    CHECK(count(folder, "state = 1") == 100);
    CHECK(count(folder, "idempotency_key = 'again'") == 1);
    CHECK(count(folder, "idempotency_key = 'long ago'") == 0);
    // The youngest are left, without a gap.
    const std::int64_t left = count(folder, "state = 3 AND idempotency_key = ''");
    CHECK(left > 100);
    CHECK(count(folder, "id > '" + job_number(1'000 - static_cast<std::uint64_t>(left)).text() +
                            "' AND state = 3 AND idempotency_key = ''") == left);
  }

  TEST_CASE("a file over the limit becomes smaller") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder, forever(1'000 * kMegabyte));
      std::vector<Save> saves;
      for (std::uint64_t i = 1; i <= 500; ++i) {
        saves.emplace_back(SaveJob{large_job(i, JobState::done, 40'000)});
      }
      open.commit(std::move(saves));
    }
    CHECK(fs::file_size(folder.database()) > 15 * kMegabyte);
    {
      OpenJournal open(folder, forever(8 * kMegabyte));
      auto database = Connection::open(folder.database(), Connection::Mode::read);
      commit_until(open,
                   [&] { return *database->integer("PRAGMA page_count") * 4'096 <= 8 << 20; });
    }
    CHECK(fs::file_size(folder.database()) <= 8 * kMegabyte);
  }

  TEST_CASE("a clock that is set, either way, makes no job old; time does") {
    constexpr WallMs kDay = 24 * 3'600 * 1'000;
    constexpr WallMs kTrue = 1'800'000'000'000;
    const TemporaryFolder folder;
    {
      OpenJournal open(folder, forever(1'000 * kMegabyte));
      open.commit({SaveJob{finished_job(1, kTrue)}});
    }
    auto database = Connection::open(folder.database(), Connection::Mode::write);
    const auto deleted = [&](Now started, Now now) {
      auto retention = Retention::prepare(*database, {.age_ms = 30 * kDay}, started);
      return retention->step(now)->deleted;
    };
    const auto purged = [&](Now started, Now now) {
      auto retention =
          Retention::prepare(*database, {.age_ms = 300 * kDay, .bodies_ms = 30 * kDay}, started);
      return retention->step(now)->purged;
    };
    CHECK(purged({0, kTrue + 40 * kDay}, {1'000, kTrue + 1'000}) == 0);
    CHECK(purged({0, kTrue}, {1'000, kTrue + 40 * kDay}) == 0);
    CHECK(purged({0, kTrue - 40 * kDay}, {31 * kDay, kTrue + 31 * kDay}) == 0);
    CHECK(deleted({0, kTrue + 40 * kDay}, {1'000, kTrue + 1'000}) == 0);  // ahead, and set back
    CHECK(deleted({0, kTrue}, {1'000, kTrue + 40 * kDay}) == 0);          // set forward
    CHECK(deleted({0, kTrue - 40 * kDay}, {31 * kDay, kTrue + 31 * kDay}) == 0);  // was behind
    CHECK(purged({0, kTrue}, {31 * kDay, kTrue + 31 * kDay}) == 1);
    CHECK(purged({0, kTrue}, {31 * kDay, kTrue + 31 * kDay}) == 0);
    CHECK(deleted({0, kTrue}, {31 * kDay, kTrue + 31 * kDay}) == 1);
  }

  TEST_CASE("however full it is, a job stays for an hour after its end") {
    constexpr WallMs kTrue = 1'800'000'000'000;
    const TemporaryFolder folder;
    {
      OpenJournal open(folder, forever(1'000 * kMegabyte));
      open.commit({SaveJob{finished_job(1, kTrue - kLeastKeptMs - 1)},
                   SaveJob{finished_job(2, kTrue - kLeastKeptMs + 1)}});
    }
    auto database = Connection::open(folder.database(), Connection::Mode::write);
    auto retention = Retention::prepare(*database, forever(1), {0, kTrue});
    const auto first = retention->step({0, kTrue});
    CHECK(first->by_size);
    CHECK(first->deleted == 1);
    CHECK(count(folder, "id = '" + job_number(2).text() + "'") == 1);
    CHECK(retention->step({0, kTrue})->deleted == 0);
    CHECK(retention->step({2, kTrue + 2})->deleted == 1);
  }

  TEST_CASE("with nothing left that may go it stops trying, and says nothing to the master") {
    const TemporaryFolder folder;
    OpenJournal open(folder, forever(kMegabyte));
    std::vector<Save> saves;
    for (std::uint64_t i = 1; i <= 200; ++i) {
      saves.emplace_back(SaveJob{large_job(i, JobState::queued, 20'000)});
    }
    open.commit(std::move(saves));
    for (int i = 0; i < 20; ++i) open.commit({});
    CHECK(count(folder, "1") == 200);
    CHECK(open.progress.told().back().problem.empty());
  }
}

TEST_SUITE("slow store retention") {
  TEST_CASE("deleting 100,000 jobs: how long commits wait (printed)") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder, forever(10'000 * kMegabyte));
      for (std::uint64_t part = 0; part < 20; ++part) {
        std::vector<Save> saves;
        for (std::uint64_t i = 1; i <= 5'000; ++i) {
          saves.emplace_back(SaveJob{large_job(part * 5'000 + i, JobState::done, 3'000)});
        }
        open.commit(std::move(saves));
      }
    }
    using Clock = std::chrono::steady_clock;
    const auto commit_ms = [](OpenJournal& open, std::uint64_t number) {
      const auto began = Clock::now();
      open.commit({SaveJob{queued_job(number)}});
      return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
    };
    double quiet = 0;
    {
      OpenJournal open(folder, forever(10'000 * kMegabyte));
      for (std::uint64_t i = 0; i < 500; ++i) quiet = std::max(quiet, commit_ms(open, 500'000 + i));
    }
    RetentionLimits none = forever(10'000 * kMegabyte);
    none.age_ms = 1'000;
    OpenJournal open(folder, none);
    std::vector<double> waits;
    const auto began = Clock::now();
    // Counted seldom: a long look from another connection is a disturbance of its own.
    for (std::uint64_t i = 0; i % 200 != 199 || count(folder, "state > 2 AND finished_ms > 0") > 0;
         ++i) {
      waits.push_back(commit_ms(open, 600'000 + i));
      REQUIRE(i < 1'000'000);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    std::sort(waits.begin(), waits.end());
    MESSAGE("100,000 jobs deleted in "
            << seconds << " s; " << waits.size() << " commits meanwhile: p50 "
            << waits[waits.size() / 2] << " ms, p99 " << waits[waits.size() * 99 / 100]
            << " ms, longest " << waits.back() << " ms; longest of 500 without: " << quiet
            << " ms");
    CHECK(count(folder, "state = 1") >= static_cast<std::int64_t>(waits.size()));
  }

  TEST_CASE("a reader that holds a state makes the log grow, and it shrinks afterwards") {
    const TemporaryFolder folder;
    OpenJournal open(folder, forever(10'000 * kMegabyte));
    open.commit({SaveJob{queued_job(1)}});
    auto reader = Connection::open(folder.database(), Connection::Mode::read);
    REQUIRE(reader->execute("BEGIN").ok());
    REQUIRE(*reader->integer("SELECT count(*) FROM jobs") == 1);
    const auto write = [&](std::uint64_t from) {
      std::vector<Save> saves;
      for (std::uint64_t i = 0; i < 100; ++i) {
        saves.emplace_back(SaveJob{large_job(from + i, JobState::done, 100'000)});
      }
      open.commit(std::move(saves));
    };
    for (std::uint64_t i = 1; i <= 12; ++i) write(i * 1'000);
    const std::string wal = folder.database() + "-wal";
    CHECK(fs::file_size(wal) > 100 * kMegabyte);
    CHECK(*reader->integer("SELECT count(*) FROM jobs") == 1);
    REQUIRE(reader->execute("COMMIT").ok());
    for (std::uint64_t i = 20; i < 200 && fs::file_size(wal) > 65 * kMegabyte; ++i) {
      write(i * 1'000);
      ::usleep(20'000);  // the next try to begin the log anew comes a second after the last
    }
    CHECK(fs::file_size(wal) <= 65 * kMegabyte);
  }
}
