#include "master/store/audit_reader.h"

#include <mutex>

#include "master/store/schema.h"

namespace docket::store {
namespace {

// Without an index for the filters: the list is bounded.
constexpr const char* kList =
    "SELECT id, at_ms, who, what, target, why, peer FROM audit "
    "WHERE (?1 = 0 OR id < ?1) AND (?2 = '' OR who = ?2) "
    "AND (?3 = '' OR what = ?3 OR substr(what, 1, length(?3) + 1) = ?3 || '.') "
    "ORDER BY id DESC LIMIT ?4";

class SqliteAuditReader final : public AuditReader {
 public:
  explicit SqliteAuditReader(Connection connection) : connection_(std::move(connection)) {}

  Result<std::vector<AuditRecord>> list(const AuditFilter& filter) override {
    std::lock_guard lock(mutex_);
    auto rows = connection_.prepare(kList);
    if (!rows) return rows.error();
    rows->bind(1, filter.before);
    rows->bind(2, filter.who);
    rows->bind(3, filter.what);
    rows->bind(4, std::int64_t{filter.limit});
    std::vector<AuditRecord> records;
    for (;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return records;
      records.push_back({rows->integer(0),
                         {rows->integer(1), rows->text(2), rows->text(3), rows->text(4),
                          rows->text(5), rows->text(6)}});
    }
  }

 private:
  std::mutex mutex_;
  Connection connection_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<AuditReader>> open_audit_reader(const std::string& data_dir) {
  auto connection = open_for_reading(data_dir);
  if (!connection) return connection.error();
  return std::unique_ptr<AuditReader>(std::make_unique<SqliteAuditReader>(std::move(*connection)));
}

}  // namespace docket::store
