// The database's layout and its migrations by user_version. Private to master/store.
#pragma once

#include "master/store/sqlite.h"

namespace docket::store {

// Opens DIR/docket.db for writing, in WAL with synchronous=FULL, and brings it to the present
// layout. conflict when a later Docket wrote it; unavailable when the folder cannot be written.
Result<Connection> open_for_writing(const std::string& data_dir);
Result<Connection> open_for_reading(const std::string& data_dir);

}  // namespace docket::store
