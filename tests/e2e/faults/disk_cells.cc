// Disks that are full, and a database that is damaged.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/faults/cell.h"
#include "tests/e2e/small_disk.h"

namespace docket::e2e {
namespace {

namespace fs = std::filesystem;

Counts master_disk_full() {
  SmallDisk disk(32);
  Rig rig({.master_data = disk.path() + "/master"});
  rig.start();
  Load load(rig.jobe(), {.rounds = 3});
  load.start();
  REQUIRE(eventually(20'000, [&] { return load.answered() > 0; }));
  disk.fill(0);
  CHECK(eventually(20'000, [&] { return rig.status()["accepting"] == false; }));
  CHECK(http("POST", jobe_url(rig.jobe(), "runs"), run_body("python3", "print(1)")).status == 503);
  disk.free();
  CHECK(eventually(20'000, [&] { return rig.status()["accepting"] == true; }));
  return audit(rig, load);
}

Counts agent_disk_full() {
  SmallDisk disk(1);
  Rig rig({.agent_data = disk.path() + "/agent"});
  rig.start();
  Load load(rig.jobe(), {});
  load.start();
  REQUIRE(eventually(20'000, [&] { return rig.status()["running"] == 4; }));
  disk.fill(0);
  rig.master().process().kill_now();
  const Node& agent = rig.agent(0);
  CHECK(eventually(30'000, [&] {
    return rig.agent(0).process().err().find("spool=failing") != std::string::npos;
  }));
  CHECK(rig.results_kept(0) == 0);
  rig.start_master();
  CHECK(eventually(30'000, [&] { return rig.agent_state(agent.name()) == "active"; }));
  return audit(rig, load);
}

// All pages are in the database, none only in its log, which is left empty: what is damaged then is
// what the next start reads.
void empty_log(const std::string& database) {
  sqlite3* connection = nullptr;
  int keep_log = 1;
  REQUIRE(sqlite3_open(database.c_str(), &connection) == SQLITE_OK);
  const auto execute = [&](const char* sql) {
    return sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
  };
  CHECK(execute("SELECT count(*) FROM jobs") == SQLITE_OK);  // only then it knows of the log
  CHECK(sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log) == SQLITE_OK);
  CHECK(execute("PRAGMA wal_checkpoint(TRUNCATE)") == SQLITE_OK);
  REQUIRE(sqlite3_close(connection) == SQLITE_OK);
  REQUIRE(fs::file_size(database + "-wal") == 0);
}

// A disk that answers neither yes nor no: the commit takes 20 s. What hangs on it is not answered,
// new runs are refused, and it is shown; then all goes on.
Counts commit_hangs() {
  const Death hang{.steps = {"after zmq_msg_recv Finished", "before sqlite3_exec COMMIT"},
                   .hold_ms = 20'000};
  Rig rig;
  rig.start(&rig.master(), hang);
  Load load(rig.jobe(), {.rounds = 3});
  load.start();
  REQUIRE(eventually(20'000, [&] { return !rig.master().stopped_at().empty(); }));
  CHECK(eventually(18'000, [&] { return rig.status()["accepting"] == false; }));
  CHECK(rig.status()["summary"].get<std::string>().find("not finished a commit") !=
        std::string::npos);
  CHECK(http("POST", jobe_url(rig.jobe(), "runs"), run_body("python3", "print(1)")).status == 503);
  CHECK(eventually(20'000, [&] { return rig.status()["accepting"] == true; }));
  return audit(rig, load);
}

void overwrite(const std::string& path, std::size_t at, std::size_t bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  std::string garbage;
  while (garbage.size() < bytes) garbage += "not what SQLite wrote here. ";
  file.write(garbage.data(), static_cast<std::streamsize>(bytes));
  REQUIRE(file.flush());
}

// The master must not start on it, must name it, and must leave it as it is. With the data folder
// as it was before, nothing is missing.
Counts corrupted(std::size_t at, std::size_t bytes) {
  Rig rig;
  rig.start();
  LoadShape shape;
  shape.padding_bytes = 100'000;
  Load load(rig.jobe(), shape);
  load.start();
  REQUIRE(eventually(20'000, [&] { return load.answered() > 3; }));
  rig.master().process().kill_now();
  const std::string database = rig.master_data() + "/docket.db";
  const std::string copy = rig.folder() + "/copy";
  const std::string damaged = rig.folder() + "/damaged.db";
  empty_log(database);
  fs::copy(rig.master_data(), copy, fs::copy_options::recursive);
  overwrite(database, at, std::min<std::size_t>(bytes, fs::file_size(database) - at));
  fs::copy_file(database, damaged);

  rig.master().start();
  const auto status = rig.master().process().wait_exit(30'000);
  REQUIRE_MESSAGE(status.has_value(),
                  "the master runs on a damaged database: " << rig.master().process().err());
  CHECK(*status != 0);
  const std::string said = rig.master().process().err();
  CHECK_MESSAGE(said.find(database) != std::string::npos, said);
  const auto compared = run("/usr/bin/cmp", {database, damaged}, rig.folder());
  CHECK_MESSAGE(compared.status == 0, "the master has changed the damaged file");

  fs::remove_all(rig.master_data());
  fs::copy(copy, rig.master_data(), fs::copy_options::recursive);
  rig.heal();
  return audit(rig, load);
}

}  // namespace

std::vector<Cell> disk_cells() {
  const std::string restored = "; then restored from a copy of the moment before";
  return {
      {"disk", "the master's is full", "32 MB of tmpfs, filled in mid-run until runs are refused",
       master_disk_full, true},
      {"disk", "an agent's is full, the master away", "1 MB of tmpfs, filled; the master killed",
       agent_disk_full, true},
      {"disk", "a commit hangs", "the master's call of COMMIT takes 20 s", commit_hangs},
      {"disk", "the database's beginning is damaged",
       "kill -9, its first 4 KiB overwritten" + restored, [] { return corrupted(0, 4'096); }},
      {"disk", "the database's middle is damaged",
       "kill -9, all but its first page overwritten" + restored,
       [] { return corrupted(4'096, std::size_t{1} << 40); }},
  };
}

}  // namespace docket::e2e
