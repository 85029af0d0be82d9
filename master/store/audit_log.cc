#include "master/store/audit_log.h"

namespace docket::store {
namespace {

constexpr const char* kAppend =
    "INSERT INTO audit (at_ms, who, what, target, why, peer) VALUES (?,?,?,?,?,?)";
// Ids have no gaps but at the front, so this deletes at most one row.
constexpr const char* kTrim = "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?";
// Only the oldest hundred are looked at: a step stays small, and no index is needed.
constexpr const char* kForget =
    "DELETE FROM audit WHERE at_ms < ? AND id IN (SELECT id FROM audit ORDER BY id LIMIT 100)";
}  // namespace

Result<AuditLog> AuditLog::prepare(Connection& connection) {
  AuditLog log;
  const Status done = connection.prepare({
      {&log.append_, kAppend},
      {&log.trim_, kTrim},
      {&log.forget_, kForget},
  });
  if (!done) return done.error();
  return log;
}

Status AuditLog::append(const AuditEntry& entry, std::size_t most) {
  append_.bind(1, entry.at);
  append_.bind(2, entry.who);
  append_.bind(3, entry.what);
  append_.bind(4, entry.on);
  append_.bind(5, entry.why);
  append_.bind(6, entry.from);
  if (auto done = append_.run(); !done) return done;
  trim_.bind(1, static_cast<std::int64_t>(most));
  return trim_.run();
}

Status AuditLog::forget(WallMs before) {
  forget_.bind(1, before);
  return forget_.run();
}

}  // namespace docket::store
