// Databases as the first version of the master wrote them.
#pragma once

#include <string>

namespace docket::e2e {

// Rewrites the database of a master that is not running: the same jobs in the first layout. What
// that layout did not have is gone (API keys, Idempotency-Keys, holds).
void make_old_layout(const std::string& data_dir);

}  // namespace docket::e2e
