// The audit list as rows: written by the journal's thread, bounded by number and age. Private to
// master/store.
#pragma once

#include "master/core/audit.h"
#include "master/store/sqlite.h"

namespace docket::store {

// Owned by the journal's thread.
class AuditLog {
 public:
  static Result<AuditLog> prepare(Connection& connection);

  // Appends it; beyond `most` entries the oldest goes.
  Status append(const AuditEntry& entry, std::size_t most = kMostAuditEntries);
  // Deletes up to a hundred of those older than that moment.
  Status forget(WallMs before);

 private:
  Statement append_;
  Statement trim_;
  Statement forget_;
};

}  // namespace docket::store
