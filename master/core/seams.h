// What the HTTP front may ask of the store. Implemented in master/store, called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "protocol/base/result.h"

namespace docket {

struct JobFilter {
  std::optional<JobState> state;
  std::string language;  // empty: any
  std::string agent;     // of the last attempt; empty: any
  std::uint32_t limit = 50;
};

class JobReader {
 public:
  virtual ~JobReader() = default;
  // Nothing when there is no such job on disk.
  virtual Result<std::optional<Job>> find(const JobId& id) = 0;
  // Newest first, without run_spec and result.
  virtual Result<std::vector<Job>> list(const JobFilter& filter) = 0;
};

class FileStore {
 public:
  virtual ~FileStore() = default;
  virtual bool has(std::string_view id) = 0;
  // On disk when it returns; a half-written file is never seen under its id.
  virtual Status put(std::string_view id, std::string_view content) = 0;
  // not_found when it is not there.
  virtual Result<std::string> get(std::string_view id) = 0;
};

}  // namespace docket
