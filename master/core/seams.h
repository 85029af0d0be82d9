// What HTTP front and loop may ask of the store. Implemented in master/store, called from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/audit.h"
#include "master/core/job.h"
#include "protocol/base/result.h"

namespace docket {

// Which jobs of the store; what is empty or absent fits all.
struct JobFilter {
  std::optional<JobState> state;
  std::string language;
  std::string agent;  // of the last attempt
  std::string key;    // name of the API key
  std::optional<std::uint32_t> outcome;
  WallMs from = 0;              // came then or later
  WallMs to = 0;                // came before; 0: any time
  std::string text;             // a part of the id or of the client's job id, in whatever case
  std::optional<JobId> before;  // only older ones: the next page of a list
  std::uint32_t limit = 50;
};

// A finished job is kept for so long however full the database is: its client must get to ask.
inline constexpr std::int64_t kLeastKeptMs = 3'600'000;

class JobReader {
 public:
  virtual ~JobReader() = default;
  // Nothing when there is no such job on disk.
  virtual Result<std::optional<Job>> find(const JobId& id) = 0;
  // Newest first, without run_spec and result.
  virtual Result<std::vector<Job>> list(const JobFilter& filter) = 0;
  // How many finished jobs that ended before that moment still have what was sent and printed.
  virtual Result<std::uint64_t> count_with_bodies(WallMs before) = 0;
};

class AuditReader {
 public:
  virtual ~AuditReader() = default;
  // Newest first.
  virtual Result<std::vector<AuditRecord>> list(const AuditFilter& filter) = 0;
};

// A part of a support file. `version` tells contents that stood under one id apart.
struct FilePiece {
  std::uint64_t total_bytes = 0;  // of the whole file
  std::uint64_t version = 0;
  std::string data;
};

class FileStore {
 public:
  virtual ~FileStore() = default;
  virtual bool has(std::string_view id) = 0;
  // Sees that all are there and pins them, in one step. not_found when one is not; a hold must not
  // outlive the store.
  virtual Result<FileHold> hold(const std::vector<std::string>& ids) = 0;
  // On disk when it returns; a half-written file is never seen under its id. too_large when it is
  // larger than all that may be kept, unavailable when files in use leave no room or the disk
  // fails.
  virtual Status put(std::string_view id, std::string_view content) = 0;
  // Up to `most_bytes` from `offset`, fewer only at the end. not_found when it is not there.
  virtual Result<FilePiece> read(std::string_view id, std::uint64_t offset,
                                 std::size_t most_bytes) = 0;
};

// What the support files take, in whole blocks.
struct FileUse {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t held_bytes = 0;  // of files that waiting and running jobs need
  std::uint64_t max_bytes = 0;
};

struct FileEntry {
  std::string id;
  std::uint64_t bytes = 0;  // in whole blocks
  WallMs used = 0;          // to the hour
  bool held = false;        // a waiting or running job needs it
};

// The support files as operators see them. Any thread.
class FileCatalog {
 public:
  virtual ~FileCatalog() = default;
  virtual FileUse use() const = 0;
  // The most recently used first.
  virtual std::vector<FileEntry> list(std::size_t most) const = 0;
  // not_found when it is not there, conflict when a waiting or running job needs it.
  virtual Status remove(std::string_view id) = 0;
  // Removes up to `most` that nothing needs and that were not used since; returns how many.
  virtual std::size_t remove_unused(WallMs since, std::size_t most) = 0;
};

struct BackupMade {
  std::string path;  // absolute, on the master's host
  std::uint64_t bytes = 0;
  std::uint64_t jobs = 0;
};

class Backups {
 public:
  virtual ~Backups() = default;
  // A checked copy of all that was committed before the call, under `name`, which is letters,
  // digits, '.', '-' and '_' and begins with none of the last three. Takes as long as copying
  // takes. conflict when the name is taken, corrupt when the database turned out to be damaged.
  virtual Result<BackupMade> make(const std::string& name) = 0;
  // Ends what is being made, and all to come, without a copy. Any thread.
  virtual void stop() = 0;
};

}  // namespace docket
