// Copies of a live database: whole, checked, private, never over another file.
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "master/store/backup.h"
#include "master/store/sqlite.h"
#include "tests/unit/open_journal.h"

using namespace docket;
using namespace docket::store;
using namespace docket::test;

namespace {

namespace fs = std::filesystem;

std::vector<Save> jobs_from(std::uint64_t first, std::uint64_t count) {
  std::vector<Save> saves;
  for (std::uint64_t i = first; i < first + count; ++i) {
    Job job = queued_job(i);
    job.run_spec = bytes(std::string(1'500, 'x'));
    saves.emplace_back(SaveJob{job});
  }
  return saves;
}

}  // namespace

TEST_SUITE("store backup") {
  TEST_CASE("what was committed before is in it, while commits go on, and it can be opened") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit(jobs_from(1, 5'000));
    std::atomic<bool> enough = false;
    std::thread writer([&] {
      for (std::uint64_t i = 10'000; !enough; i += 20) open.commit(jobs_from(i, 20));
    });
    DiskBackups backups(folder.path(), folder.path() + "/backups");
    std::vector<BackupMade> made;
    for (const char* name : {"one.db", "two.db", "three.db"}) {
      const std::uint64_t before = open.progress.told().back().committed;
      auto copy = backups.make(name);
      REQUIRE_MESSAGE(copy.ok(), copy.error().message);
      CHECK(copy->jobs >= 5'000 + (before - 1) * 20);
      made.push_back(*copy);
    }
    enough = true;
    writer.join();
    CHECK(made[0].jobs < made[2].jobs);  // it was live
    for (const BackupMade& copy : made) {
      struct stat facts {};
      REQUIRE(::stat(copy.path.c_str(), &facts) == 0);
      CHECK((facts.st_mode & 0777) == 0600);
      CHECK(static_cast<std::uint64_t>(facts.st_size) == copy.bytes);
      const TemporaryFolder fresh;
      fs::copy_file(copy.path, fresh.database());
      OpenJournal restored(fresh);
      CHECK(restored.journal->take_restored().jobs.size() == copy.jobs);
    }
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path() + "/backups")) {
      ++files;
    }
    CHECK(files == 3);  // nothing half, no logs
  }

  TEST_CASE("no file is written over, whatever it is") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit(jobs_from(1, 10));
    DiskBackups backups(folder.path(), folder.path() + "/backups");
    fs::create_directories(folder.path() + "/backups");
    std::ofstream(folder.path() + "/backups/mine") << "precious";
    auto refused = backups.make("mine");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::conflict);
    CHECK(fs::file_size(folder.path() + "/backups/mine") == 8);
  }

  TEST_CASE("a damaged database gives no copy") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      open.commit(jobs_from(1, 1'000));
    }
    {
      std::fstream file(folder.database(), std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(static_cast<std::streamoff>(fs::file_size(folder.database()) / 2));
      file << std::string(40'000, '\xa5');
    }
    std::string reported;
    DiskBackups backups(folder.path(), folder.path() + "/backups",
                        [&](const std::string& problem) { reported = problem; });
    auto refused = backups.make("bad.db");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::corrupt);
    CHECK_FALSE(reported.empty());
    CHECK(refused.error().message.find(reported) != std::string::npos);
    CHECK(fs::is_empty(folder.path() + "/backups"));
  }

  TEST_CASE("a database cut off short gives no copy either, and is damage") {
    const TemporaryFolder folder;
    {
      OpenJournal open(folder);
      open.commit(jobs_from(1, 1'000));
    }
    fs::resize_file(folder.database(), fs::file_size(folder.database()) / 2);
    bool reported = false;
    DiskBackups backups(folder.path(), folder.path() + "/backups",
                        [&](const std::string&) { reported = true; });
    CHECK(backups.make("short.db").error().code == ErrorCode::corrupt);
    CHECK(reported);
  }

  TEST_CASE("what interrupted copies left goes with the next, whatever its name") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit(jobs_from(1, 10));
    const std::string into = folder.path() + "/backups";
    fs::create_directories(into);
    std::ofstream(into + "/half.docket-20260101T000000Z.db") << "interrupted";
    std::ofstream(into + "/half.next.db") << "interrupted";
    std::ofstream(into + "/mine") << "precious";
    DiskBackups backups(folder.path(), into);
    REQUIRE(backups.make("next.db").ok());
    CHECK_FALSE(fs::exists(into + "/half.docket-20260101T000000Z.db"));
    CHECK_FALSE(fs::exists(into + "/half.next.db"));
    CHECK(fs::exists(into + "/mine"));
  }

  TEST_CASE("a folder that cannot be made, and a master that stops") {
    const TemporaryFolder folder;
    OpenJournal open(folder);
    open.commit(jobs_from(1, 10));
    std::ofstream(folder.path() + "/file") << "";
    DiskBackups nowhere(folder.path(), folder.path() + "/file/backups");
    CHECK(nowhere.make("a.db").error().code == ErrorCode::unavailable);
    DiskBackups backups(folder.path(), folder.path() + "/backups");
    backups.stop();
    CHECK(backups.make("a.db").error().message.find("stopping") != std::string::npos);
    CHECK(fs::is_empty(folder.path() + "/backups"));
  }
}
