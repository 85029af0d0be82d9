#include "master/store/reader.h"

#include <mutex>
#include <vector>

#include "master/store/inspect.h"
#include "master/store/list_query.h"
#include "master/store/rows.h"
#include "master/store/schema.h"

namespace docket::store {
namespace {

struct Session {
  Connection connection;
  Statement find;
};

Result<std::unique_ptr<Session>> open_session(const std::string& data_dir) {
  auto connection = open_for_reading(data_dir);
  if (!connection) return connection.error();
  auto find =
      connection->prepare(std::string("SELECT ") + kWholeColumns + " FROM jobs WHERE id = ?");
  if (!find) return find.error();
  auto session = std::make_unique<Session>();
  session->connection = std::move(*connection);
  session->find = std::move(*find);
  return session;
}

class SqliteReader final : public JobReader {
 public:
  SqliteReader(std::string data_dir, std::function<void(const std::string&)> on_damage)
      : data_dir_(std::move(data_dir)), on_damage_(std::move(on_damage)) {}

  Result<std::optional<Job>> find(const JobId& id) override {
    return with_session([&](Session& session) -> Result<std::optional<Job>> {
      const std::string text = id.text();
      session.find.bind(1, text);
      auto found = read_found(session.find);
      session.find.reset();
      return found;
    });
  }

  Result<std::vector<Job>> list(const JobFilter& filter) override {
    return with_session([&](Session& session) -> Result<std::vector<Job>> {
      const ListQuery query(filter);
      auto statement = session.connection.prepare(query.sql());
      if (!statement) return statement.error();
      query.bind_to(*statement);
      std::vector<Job> jobs;
      for (;;) {
        auto row = statement->step();
        if (!row) return failed(row.error());
        if (!*row) return jobs;
        auto job = read_job(*statement, false);
        if (!job) return job.error();
        jobs.push_back(std::move(*job));
      }
    });
  }

  Result<std::uint64_t> count_with_bodies(WallMs before) override {
    return with_session([&](Session& session) -> Result<std::uint64_t> {
      auto count = session.connection.prepare(
          "SELECT count(*) FROM jobs "
          "WHERE state > 2 AND length(run_spec) > 0 AND finished_ms < ?");
      if (!count) return count.error();
      count->bind(1, before);
      auto row = count->step();
      if (!row) return failed(row.error());
      return static_cast<std::uint64_t>(count->integer(0));
    });
  }

 private:
  // Only SQLite's own word stops the master; a row that makes no sense is that row's answer.
  Error failed(const Error& error) const {
    if (error.code == ErrorCode::corrupt && on_damage_) on_damage_(error.message);
    return error;
  }

  Result<std::optional<Job>> read_found(Statement& find) {
    auto row = find.step();
    if (!row) return failed(row.error());
    if (!*row) return std::optional<Job>();
    auto job = read_job(find, true);
    if (!job) return job.error();
    return std::optional<Job>(std::move(*job));
  }

  // Takes an idle session or opens one: as many exist as ever asked at the same time.
  template <class Ask>
  auto with_session(Ask ask) -> decltype(ask(std::declval<Session&>())) {
    std::unique_ptr<Session> session;
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        session = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!session) {
      auto opened = open_session(data_dir_);
      if (!opened) return opened.error();
      session = std::move(*opened);
    }
    auto answer = ask(*session);
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(session));
    return answer;
  }

  const std::string data_dir_;
  const std::function<void(const std::string&)> on_damage_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<JobReader>> open_reader(const std::string& data_dir,
                                               std::function<void(const std::string&)> on_damage) {
  auto probe = open_for_reading(data_dir);
  if (!probe) return probe.error();
  return std::unique_ptr<JobReader>(std::make_unique<SqliteReader>(data_dir, std::move(on_damage)));
}

Result<std::unique_ptr<JobReader>> open_stopped(const std::string& data_dir) {
  if (const auto sound = refuse_unsound(data_dir); !sound) return sound.error();
  auto connection = open_for_reading(data_dir);
  if (!connection) return connection.error();
  const auto layout = connection->integer("PRAGMA user_version");
  if (!layout) return with_help(data_dir, layout.error());
  if (*layout != kNewestLayout) {
    return Error{ErrorCode::conflict, database_path(data_dir) + ": it has layout " +
                                          std::to_string(*layout) + ", and this docket reads " +
                                          std::to_string(kNewestLayout) +
                                          ": docket-master of this version migrates it"};
  }
  return open_reader(data_dir);
}

}  // namespace docket::store
