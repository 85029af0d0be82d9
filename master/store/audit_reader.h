// Reads the audit list for the operations listener, on a connection of its own. Any thread.
#pragma once

#include <memory>
#include <string>

#include "master/core/seams.h"

namespace docket::store {

// The database must exist. unavailable when it cannot be opened.
Result<std::unique_ptr<AuditReader>> open_audit_reader(const std::string& data_dir);

}  // namespace docket::store
