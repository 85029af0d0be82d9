// What the next master needs of the database when it starts. Private to master/store.
#pragma once

#include "master/core/events.h"
#include "master/store/sqlite.h"

namespace docket::store {

// Unfinished jobs, agents, keys, tokens and the names of requests; no holds. corrupt, naming the
// row, when one cannot be read.
Result<Restored> read_restored(Connection& connection);

}  // namespace docket::store
