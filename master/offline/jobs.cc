#include "master/offline/jobs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "master/http/api/jobs_query.h"
#include "master/http/api/views.h"
#include "master/store/reader.h"
#include "protocol/base/clock.h"
#include "protocol/base/program.h"

namespace docket::offline {
namespace {

// Before the folder is touched. SQLite makes files beside a database that it reads: of another
// user, they would keep the master from starting.
Status check_owner(const std::string& data_dir) {
  const std::string path = data_dir + "/docket.db";
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    return Error{ErrorCode::not_found, path + " is not there: give the master's --data folder"};
  }
  if (facts.st_uid == ::geteuid()) return ok_status();
  const std::string owner = std::to_string(facts.st_uid);
  return Error{ErrorCode::denied, path + " belongs to user " + owner +
                                      ": read it as that user, as with sudo -u '#" + owner + "'"};
}

Result<std::string> list_held(const std::string& data_dir, const std::string& query) {
  const auto reader = store::open_stopped(data_dir);
  if (!reader) return reader.error();
  const WallMs now = read_clock().wall;
  const auto filter = http::read_jobs_query(http::fields_of(query), now);
  if (!filter) return filter.error();
  const auto page = http::read_page(**reader, *filter);
  return page ? Result<std::string>(http::jobs_json(*page, now)) : page.error();
}

}  // namespace

Result<std::string> list_jobs(const std::string& data_dir, const std::string& query) {
  if (const auto owned = check_owner(data_dir); !owned) return owned.error();
  try {
    const DataFolder held("data", data_dir);
    return list_held(data_dir, query);
  } catch (const StartError& error) {
    return Error{ErrorCode::conflict, error.message()};
  }
}

}  // namespace docket::offline
