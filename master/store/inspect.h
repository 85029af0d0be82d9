// What must hold of the database before anything is written to it. Private to master/store.
#pragma once

#include <string>

#include "master/store/sqlite.h"

namespace docket::store {

// In the database's header: that it is Docket's. Layouts before 4 have 0 there.
constexpr std::int64_t kApplicationId = 0x446f636b;
constexpr std::int64_t kNewestLayout = 8;

std::string database_path(const std::string& data_dir);

// Why the database of the folder must not be opened for writing, in one line that names the file
// and what helps; ok when it may be, or when there is none yet. Changes neither the database nor
// its log. Up to 256 MB the whole database is read, beyond that only what the start needs anyway.
Status refuse_unsound(const std::string& data_dir);

// The same words for damage that is met later.
Error with_help(const std::string& data_dir, const Error& error);

}  // namespace docket::store
