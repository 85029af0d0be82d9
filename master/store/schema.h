// The database's layout and its migrations by user_version. Private to master/store.
#pragma once

#include "master/store/sqlite.h"
#include "protocol/base/log.h"

namespace docket::store {

// Opens DIR/docket.db for writing, in WAL with synchronous=FULL, and brings it to the present
// layout, each step whole or not at all. What is not sound is refused (inspect.h) and left alone.
Result<Connection> open_for_writing(const std::string& data_dir, const Logger& log);
Result<Connection> open_for_reading(const std::string& data_dir);

}  // namespace docket::store
