#include "master/store/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "master/store/schema.h"
#include "master/store/sqlite.h"
#include "protocol/base/durable.h"

namespace docket::store {
namespace {

namespace fs = std::filesystem;

// A megabyte: how long it takes to hear that the master stops.
constexpr int kStepPages = 256;
constexpr const char* kHalf = "half.";

// Makes the file with nobody else's rights on it; conflict when it is there.
Status create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("cannot create " + path);
  ::close(fd);
  return ok_status();
}

Status sync_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  Status done = synced ? ok_status() : Status(system_error("cannot sync " + path));
  if (fd >= 0) ::close(fd);
  return done;
}

Status copy(Connection& from, Connection& to, const std::atomic<bool>& stopping) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) {
    return Error{ErrorCode::internal, std::string("backup: ") + sqlite3_errmsg(to.handle())};
  }
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !stopping) code = sqlite3_backup_step(backup, kStepPages);
  const int ended = sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE && ended == SQLITE_OK) return ok_status();
  if (stopping) return Error{ErrorCode::unavailable, "backup: the master is stopping"};
  // The copy was empty, so whatever was read was the database.
  return Error{is_damage(code) ? ErrorCode::corrupt : ErrorCode::unavailable,
               std::string("backup: ") + sqlite3_errstr(code)};
}

// What SQLite finds wrong with it; empty when it is sound.
std::string finding(Connection& database) {
  const auto found = database.text("PRAGMA quick_check(1)");
  if (!found) return found.error().message;
  return *found == "ok" ? "" : *found;
}

// A copy is unsound because the database is, or because the disk it stands on does not give back
// what it was given. Only the first may stop the master from accepting.
Status check(Connection& copy, Connection& database) {
  const std::string unsound = finding(copy);
  if (unsound.empty()) return ok_status();
  if (const std::string damage = finding(database); !damage.empty()) {
    return Error{ErrorCode::corrupt, damage};
  }
  return Error{ErrorCode::unavailable,
               "the copy came out damaged (" + unsound +
                   ") though the database is not: look at the disk of --backups"};
}

// One copy is made at a time, so whatever is half was left by an interrupted one.
void remove_half_copies(const std::string& folder) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (entry.path().filename().string().starts_with(kHalf)) ::unlink(entry.path().c_str());
  }
}

// Copies into `path`, which is there and empty, and checks the copy; its number of jobs.
Result<std::int64_t> fill(const std::string& data_dir, const std::string& path,
                          const std::atomic<bool>& stopping) {
  auto from = open_for_reading(data_dir);
  if (!from) return from.error();
  auto to = Connection::open(path, Connection::Mode::write);
  if (!to) return to.error();
  // A half copy is thrown away, so it needs no journal of its own.
  for (const char* pragma : {"PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF"}) {
    if (auto done = to->execute(pragma); !done) return done.error();
  }
  // One state from the first page to the last: without this, each commit would begin it anew.
  if (auto begun = from->execute("BEGIN"); !begun) return begun.error();
  if (auto seen = from->integer("SELECT count(*) FROM sqlite_schema"); !seen) return seen.error();
  if (auto copied = copy(*from, *to, stopping); !copied) return copied.error();
  if (auto ended = from->execute("COMMIT"); !ended) return ended.error();
  // A log beside the copy would be forgotten when it is carried away: it is one file.
  if (auto single = to->execute("PRAGMA journal_mode=DELETE"); !single) return single.error();
  if (auto sound = check(*to, *from); !sound) return sound.error();
  return to->integer("SELECT count(*) FROM jobs");
}

}  // namespace

Result<BackupMade> DiskBackups::make(const std::string& name) {
  const std::string path = into_ + "/" + name;
  const std::string half = into_ + "/" + kHalf + name;
  std::error_code failed;
  fs::create_directories(into_, failed);
  if (failed) {
    return Error{ErrorCode::unavailable,
                 "cannot make the folder " + into_ + ": " + failed.message()};
  }
  remove_half_copies(into_);
  if (fs::exists(path, failed)) {
    return Error{ErrorCode::conflict, "there is a " + path + " already: choose another name"};
  }
  if (auto made = create_private(half); !made) return made.error();
  auto jobs = fill(data_dir_, half, stopping_);
  if (!jobs && jobs.error().code == ErrorCode::corrupt) {
    ::unlink(half.c_str());
    if (on_damage_) on_damage_(jobs.error().message);
    return Error{ErrorCode::corrupt, "the database is damaged: " + jobs.error().message +
                                         "; docs/operations.md says what to do"};
  }
  Status done = jobs ? sync_file(half) : Status(jobs.error());
  // A link never replaces what somebody has put there meanwhile.
  if (done && ::link(half.c_str(), path.c_str()) != 0) {
    done = system_error("cannot make " + path);
  }
  ::unlink(half.c_str());
  if (done) done = sync_folder(into_);
  if (!done) return done.error();
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return system_error("cannot read " + path);
  return BackupMade{fs::absolute(path, failed).string(), static_cast<std::uint64_t>(facts.st_size),
                    static_cast<std::uint64_t>(*jobs)};
}

}  // namespace docket::store
