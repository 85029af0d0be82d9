// Support files on disk, one file each, under DATA/files. Any thread.
//
// A file is written beside its place, synced and renamed, so that what stands under an id is whole.
// Ids are checked here too (letters and digits only): no id can name a path elsewhere.
#pragma once

#include <memory>
#include <string>

#include "master/core/seams.h"

namespace docket::store {

// Makes the folder and clears away what an interrupted write left. unavailable when it cannot.
Result<std::unique_ptr<FileStore>> open_files(const std::string& data_dir);

}  // namespace docket::store
