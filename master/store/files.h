// Support files on disk, one file each, under DATA/files, within a limit: the least recently used
// goes first, one that is held never. Any thread.
//
// A file is written beside its place, synced and renamed, so that what stands under an id is whole.
// Ids are checked here too (letters and digits only): no id can name a path elsewhere. When a file
// was last used is its modification time, so it outlives a restart; it is noted once an hour.
#pragma once

#include <memory>
#include <string>

#include "master/core/seams.h"
#include "master/store/file_index.h"
#include "protocol/base/log.h"

namespace docket::store {

class Files : public FileStore, public FileCatalog {
 public:
  // Removes what is over the limit. Called once at the start, when unfinished jobs hold theirs.
  virtual void trim() = 0;
};

// Makes the folder, clears away what an interrupted write left and reads what is there.
// unavailable when it cannot.
Result<std::unique_ptr<Files>> open_files(const std::string& data_dir, std::uint64_t max_bytes,
                                          Logger log);

}  // namespace docket::store
