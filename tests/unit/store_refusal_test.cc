// What the store refuses to open, what it says then, and that it leaves every byte alone; and what
// must not be refused: all that an orderly stop, a kill -9 or a look with sqlite3 leave behind.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "master/store/mark.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_at(const std::string& path, std::uintmax_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
  REQUIRE(file.good());
}

// The folder as kill -9 would leave it: the journal is idle, so its files do not change meanwhile.
void copy_as_killed(const TemporaryFolder& from, const TemporaryFolder& to) {
  for (const char* name : {"docket.db", "docket.db-wal", "docket.db-mark"}) {
    fs::copy_file(from.path() + "/" + name, to.path() + "/" + name);
  }
}

std::string wal(const TemporaryFolder& folder) {
  return folder.database() + "-wal";
}

// Refused twice in the same words, and nothing has changed.
std::string refused_untouched(const TemporaryFolder& folder, ErrorCode code) {
  const std::string database = content_of(folder.database());
  const std::string log = content_of(wal(folder));
  const std::string first = refusal_to_open(folder.path(), code);
  CHECK(refusal_to_open(folder.path(), code) == first);
  CHECK(content_of(folder.database()) == database);
  CHECK(content_of(wal(folder)) == log);
  CHECK(first.find('\n') == std::string::npos);
  CHECK(first.find(folder.database()) != std::string::npos);
  return first;
}

bool says(const std::string& message, const std::string& what) {
  CHECK_MESSAGE(message.find(what) != std::string::npos, message);
  return message.find(what) != std::string::npos;
}

void commit_jobs(OpenJournal& open, std::uint64_t first, std::uint64_t count) {
  std::vector<Save> saves;
  for (std::uint64_t i = first; i < first + count; ++i) {
    Job job = finished_job(i);
    job.run_spec = bytes(std::string(2'000, 'x'));
    saves.emplace_back(SaveJob{job});
  }
  open.commit(std::move(saves));
}

std::size_t jobs_in(const TemporaryFolder& folder) {
  OpenJournal open(folder);
  auto reader = open_reader(folder.path());
  return listed(**reader, {.limit = 100'000}).size();
}

}  // namespace

TEST_SUITE("store refusals") {
  TEST_CASE("damaged pages are refused with what helps") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      commit_jobs(open, 1, 200);
    }
    write_at(folder.database(), fs::file_size(folder.database()) / 2, std::string(20'000, '\xa5'));
    const std::string message = refused_untouched(folder, ErrorCode::corrupt);
    says(message, "docket backup");
    says(message, "sqlite3 " + folder.database() + " .dump");
  }

  TEST_CASE("damaged pages that only the log makes whole are no reason to refuse") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 50);  // fewer than a checkpoint: all of it is in the log
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    CHECK(jobs_in(killed) == 50);
  }

  TEST_CASE("a bad header and a truncated file are refused") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      commit_jobs(open, 1, 200);
    }
    const std::string whole = content_of(folder.database());
    write_at(folder.database(), 0, "rubbish rubbish ");
    says(refused_untouched(folder, ErrorCode::corrupt), "not a database");
    std::ofstream(folder.database(), std::ios::binary) << whole;
    fs::resize_file(folder.database(), whole.size() / 2);
    says(refused_untouched(folder, ErrorCode::corrupt), "malformed");
    fs::resize_file(folder.database(), 50);
    refused_untouched(folder, ErrorCode::corrupt);
    std::ofstream(folder.database(), std::ios::binary) << whole;
    CHECK(jobs_in(folder) == 200);
  }

  TEST_CASE("a write-ahead log that is missing is missed") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 10);
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    fs::remove(wal(killed));
    const std::string message = refused_untouched(killed, ErrorCode::corrupt);
    says(message, "docket.db-wal");
    says(message, "rm " + mark_path(killed.path()));
    fs::remove(wal(killed));
    fs::copy_file(wal(live), wal(killed));  // as the message says
    CHECK(jobs_in(killed) == 10);
  }

  TEST_CASE("it is missed after checkpoints too, as soon as anything was committed since") {
    const TemporaryFolder live;
    OpenJournal open(live);
    for (std::uint64_t i = 0; i < 10; ++i) commit_jobs(open, 1 + i * 1'000, 1'000);
    open.commit({SaveJob{queued_job(99'999)}});
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    fs::remove(wal(killed));
    refused_untouched(killed, ErrorCode::corrupt);
    fs::remove(mark_path(killed.path()));  // accepted: what the database has is there
    CHECK(jobs_in(killed) > 5'000);
  }

  TEST_CASE("a log of another time does not belong to the database") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 10);
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    write_at(wal(killed), 16, "saltsalt");
    says(refused_untouched(killed, ErrorCode::corrupt), "does not belong to it");
  }

  TEST_CASE("somebody who looked into a killed master's database raises no alarm") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 10);
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    {
      auto sqlite3 = Connection::open(killed.database(), Connection::Mode::write);
      sqlite3->checkpoint_on_close();  // as the sqlite3 command does
      CHECK(*sqlite3->integer("SELECT count(*) FROM jobs") == 10);
    }
    CHECK_FALSE(fs::exists(wal(killed)));
    CHECK(jobs_in(killed) == 10);
  }

  TEST_CASE("an orderly stop leaves one file and the mark, and no alarm") {
    const TemporaryFolder folder;
    for (std::size_t jobs = 10; jobs <= 30; jobs += 10) {
      {
        OpenJournal open(folder);
        commit_jobs(open, jobs, 10);
      }
      CHECK_FALSE(fs::exists(wal(folder)));
      CHECK(read_mark(folder.path())->has_value());
      CHECK(jobs_in(folder) == jobs);
    }
  }

  TEST_CASE("an older copy in the place of a newer one is refused until that is meant") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      commit_jobs(open, 1, 10);
    }
    const std::string old = content_of(folder.database());
    {
      OpenJournal open(folder);
      commit_jobs(open, 11, 10);
    }
    std::ofstream(folder.database(), std::ios::binary) << old;
    says(refused_untouched(folder, ErrorCode::corrupt), "older copy on purpose");
    fs::remove(mark_path(folder.path()));
    CHECK(jobs_in(folder) == 10);
  }

  TEST_CASE("a mark whose first write was interrupted says nothing") {
    const TemporaryFolder folder;
    { OpenJournal open(folder); }
    fs::resize_file(mark_path(folder.path()), 0);
    CHECK(jobs_in(folder) == 0);
    CHECK(read_mark(folder.path())->has_value());
  }

  TEST_CASE("a database that is gone is not begun anew") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      commit_jobs(open, 1, 10);
    }
    const std::string whole = content_of(folder.database());
    fs::remove(folder.database());
    says(refusal_to_open(folder.path(), ErrorCode::conflict), "it is gone");
    CHECK_FALSE(fs::exists(folder.database()));
    std::ofstream(folder.database()) << "";
    refusal_to_open(folder.path(), ErrorCode::conflict);
    CHECK(fs::file_size(folder.database()) == 0);
    fs::remove(mark_path(folder.path()));
    CHECK(jobs_in(folder) == 0);
  }

  TEST_CASE("an empty database beside a log that has something is not begun anew") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 10);
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    fs::resize_file(killed.database(), 0);
    fs::remove(mark_path(killed.path()));
    says(refused_untouched(killed, ErrorCode::conflict), "it is gone");
  }

  TEST_CASE("a mark that is no number is not taken for none") {
    const TemporaryFolder live;
    OpenJournal open(live);
    commit_jobs(open, 1, 10);
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    write_at(mark_path(killed.path()), 3, "?");
    says(refused_untouched(killed, ErrorCode::corrupt), "rm " + mark_path(killed.path()));
    fs::remove(mark_path(killed.path()));
    CHECK(jobs_in(killed) == 10);
  }

  TEST_CASE("another program's database is refused") {
    const TemporaryFolder folder;
    {
      auto other = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(other->execute("CREATE TABLE moz_places (id INTEGER)").ok());
    }
    says(refused_untouched(folder, ErrorCode::conflict), "another program's");
    {
      auto other = Connection::open(folder.database(), Connection::Mode::write);
      REQUIRE(other->execute("PRAGMA user_version=2; PRAGMA application_id=252006673").ok());
    }
    says(refused_untouched(folder, ErrorCode::conflict), "another program's");
  }

  TEST_CASE("a database of a later layout is refused, its log too") {
    const TemporaryFolder live;
    OpenJournal open(live);
    open.commit({SaveJob{queued_job(1)}});
    const TemporaryFolder killed;
    copy_as_killed(live, killed);
    {
      auto later = Connection::open(killed.database(), Connection::Mode::write);
      REQUIRE(later->execute("PRAGMA user_version=99").ok());
    }
    CHECK(fs::file_size(wal(killed)) > 0);
    says(refused_untouched(killed, ErrorCode::conflict), "layout 99");
  }

  TEST_CASE("a database of another user is refused, whoever root is") {
    if (::geteuid() != 0) {
      MESSAGE("NOT RUN: only root can give a file away");
      return;
    }
    const TemporaryFolder folder;
    { OpenJournal open(folder); }
    REQUIRE(::chown(folder.database().c_str(), 12'345, 0) == 0);
    const std::string message = refused_untouched(folder, ErrorCode::denied);
    says(message, "belongs to user 12345");
    says(message, "chown");
  }

  TEST_CASE("damage met by a reader stops the accepting, for good") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      commit_jobs(open, 1, 500);
    }
    OpenJournal open(folder);
    open.commit({});
    auto reader = open_reader(
        folder.path(), [&](const std::string& problem) { open.journal->report_damage(problem); });
    write_at(folder.database(), fs::file_size(folder.database()) / 2, std::string(40'000, '\xa5'));
    int damaged = 0;
    for (std::uint64_t i = 1; i <= 500; ++i) {
      const auto job = (*reader)->find(job_number(i));
      damaged += !job && job.error().code == ErrorCode::corrupt ? 1 : 0;
    }
    CHECK(damaged > 0);
    open.progress.wait_problem();
    says(open.progress.told().back().problem, "the database is damaged");
    open.journal->post(++open.last, {SaveAgent{{"lab-1", 1, 100, {}}}});
    open.progress.wait_committed(open.last);  // what can be written still is
    says(open.progress.told().back().problem, "the database is damaged");
  }
}
