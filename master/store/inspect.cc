#include "master/store/inspect.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "master/store/mark.h"
#include "protocol/base/durable.h"

namespace docket::store {
namespace {

namespace fs = std::filesystem;

// 200 MB took 0.2 s of CPU; a disk of 150 MB/s needs two seconds for it. So a start stays within
// seconds. A larger one is checked with every backup.
constexpr std::int64_t kMostCheckedBytes = std::int64_t{256} << 20;

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Looking at the database makes an empty log where there was none.
bool has_content(const std::string& path) {
  std::error_code failed;
  return fs::file_size(path, failed) > 0 && !failed;
}

Error refused(ErrorCode code, const std::string& data_dir, const std::string& why) {
  return {code, database_path(data_dir) + ": " + why};
}

Status refuse_file(const std::string& data_dir, bool& is_new) {
  const std::string path = database_path(data_dir);
  struct stat facts {};
  is_new = ::stat(path.c_str(), &facts) != 0 || facts.st_size == 0;
  if (is_new) {
    const bool left = exists(path + "-wal") || exists(mark_path(data_dir));
    // SQLite would delete a log beside an empty database.
    const bool never_used =
        exists(path) && !has_content(mark_path(data_dir)) && !has_content(path + "-wal");
    if (!left || never_used) return ok_status();
    return refused(ErrorCode::conflict, data_dir,
                   "it is gone, but what stood beside it (docket.db-wal, docket.db-mark) is here: "
                   "put it back, or a copy made by docket backup with the rest moved away, or move "
                   "all docket.db-* away to begin with an empty one");
  }
  if (!S_ISREG(facts.st_mode)) return refused(ErrorCode::conflict, data_dir, "it is not a file");
  if (facts.st_uid != ::geteuid()) {
    return refused(ErrorCode::denied, data_dir,
                   "it belongs to user " + std::to_string(facts.st_uid) + ", and this is user " +
                       std::to_string(::geteuid()) +
                       ": start docket-master as its owner, or give it away with chown -R");
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) {
    return refused(ErrorCode::unavailable, data_dir,
                   system_error("it cannot be read and written").message);
  }
  return ok_status();
}

Status refuse_foreign(const std::string& data_dir, Connection& database) {
  const auto application = database.integer("PRAGMA application_id");
  if (!application) return with_help(data_dir, application.error());
  const auto layout = database.integer("PRAGMA user_version");
  if (!layout) return with_help(data_dir, layout.error());
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return with_help(data_dir, tables.error());
  if (*layout < 0 || (*application != kApplicationId && *application != 0) ||
      (*layout == 0 && *tables != 0)) {
    return refused(ErrorCode::conflict, data_dir,
                   "it is another program's database: choose another folder with --data");
  }
  if (*layout > kNewestLayout) {
    return refused(ErrorCode::conflict, data_dir,
                   "the database has layout " + std::to_string(*layout) +
                       ", this docket-master knows " + std::to_string(kNewestLayout) +
                       ": it was written by a later version; upgrade docket-master, or go back to "
                       "a copy that docket backup made before");
  }
  return ok_status();
}

Status refuse_damaged(const std::string& data_dir, Connection& database) {
  const auto pages = database.integer("PRAGMA page_count");
  if (!pages) return with_help(data_dir, pages.error());
  const auto page_bytes = database.integer("PRAGMA page_size");
  if (!page_bytes) return with_help(data_dir, page_bytes.error());
  if (*pages * *page_bytes > kMostCheckedBytes) return ok_status();
  const auto found = database.text("PRAGMA quick_check(1)");
  if (!found) return with_help(data_dir, found.error());
  if (*found == "ok") return ok_status();
  std::string line = *found;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return with_help(data_dir, {ErrorCode::corrupt, "database: " + line});
}

Status refuse_incomplete(const std::string& data_dir, Connection& database) {
  const auto read_expected = read_mark(data_dir);
  if (!read_expected) {
    return refused(
        ErrorCode::corrupt, data_dir,
        "whether its newest jobs are there cannot be told: " + read_expected.error().message +
            ". If " + database_path(data_dir) +
            "-wal is the one that stood beside it, go on with rm " + mark_path(data_dir));
  }
  const std::optional<std::uint64_t> expected = *read_expected;
  if (!expected) return ok_status();
  const auto has_mark = database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'store'");
  if (!has_mark) return with_help(data_dir, has_mark.error());
  std::uint64_t mark = 0;
  if (*has_mark != 0) {
    const auto read = database.integer("SELECT mark FROM store");
    if (!read) return with_help(data_dir, read.error());
    mark = static_cast<std::uint64_t>(*read);
  }
  if (mark >= *expected) return ok_status();
  const std::string wal = database_path(data_dir) + "-wal";
  return refused(
      ErrorCode::corrupt, data_dir,
      "its newest jobs are missing: " + wal +
          (has_content(wal) ? " does not belong to it" : " is gone") +
          " (the database is at mark " + std::to_string(mark) + ", docket.db-mark says " +
          std::to_string(*expected) +
          "). Put that file back; if there is none, or this is an older copy on purpose, "
          "accept the loss with rm " +
          mark_path(data_dir));
}

}  // namespace

std::string database_path(const std::string& data_dir) {
  return data_dir + "/docket.db";
}

Error with_help(const std::string& data_dir, const Error& error) {
  const std::string path = database_path(data_dir);
  if (error.code != ErrorCode::corrupt) return {error.code, path + ": " + error.message};
  // Debian 12's sqlite3 has no .recover; .dump passes over damaged pages as well.
  return {error.code,
          path + ": " + error.message + "; it was left as it is. Move " + path +
              "* away and put a copy made by docket backup in its place, or save what can be read: "
              "sqlite3 " +
              path + " .dump | sed -E 's/^(ROLLBACK|COMMIT);.*/COMMIT; PRAGMA user_version=" +
              std::to_string(kNewestLayout) + ";/' | sqlite3 NEW.db"};
}

Status refuse_unsound(const std::string& data_dir) {
  bool is_new = false;
  if (auto file = refuse_file(data_dir, is_new); !file || is_new) return file;
  auto database = Connection::open(database_path(data_dir), Connection::Mode::read);
  if (!database) return with_help(data_dir, database.error());
  if (auto ours = refuse_foreign(data_dir, *database); !ours) return ours;
  if (auto whole = refuse_incomplete(data_dir, *database); !whole) return whole;
  return refuse_damaged(data_dir, *database);
}

}  // namespace docket::store
