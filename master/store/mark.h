// The mark: a number that is kept in the database and in the file DATA/docket.db-mark beside it, by
// which the next start sees that a part of the database is missing. Private to master/store.
//
// The number rises with the first commit of every start and after every checkpoint, so that the
// commit that raises it is in the write-ahead log; the file follows before anything later is told
// as committed. So the file is never ahead of a database that has its log, nor of one whose log was
// copied into it by whomever; it is ahead of one whose log was taken away, or of an older copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/base/result.h"

namespace docket::store {

std::string mark_path(const std::string& data_dir);

// Nothing when there is no such file, or an interrupted first write left it empty; corrupt when
// what it holds is no mark.
Result<std::optional<std::uint64_t>> read_mark(const std::string& data_dir);

// Owned by the journal's thread.
class MarkFile {
 public:
  explicit MarkFile(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  ~MarkFile();
  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;

  // On disk when it returns. It is written over in its place: that needs no room on a full disk.
  Status write(std::uint64_t mark);

 private:
  Status open();

  const std::string data_dir_;
  int fd_ = -1;
};

}  // namespace docket::store
