// Finished results on disk while the master is away: one file each, in the wire's own form. Owned
// by the loop's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket::agent {

class ResultSpool {
 public:
  // Makes the folder DATA/results. unavailable when it cannot be written.
  static Result<ResultSpool> open(const std::string& data_dir);

  // What an earlier life left; a file that cannot be read is skipped and removed.
  std::vector<Finished> load() const;
  Status keep(const Finished& result) const;
  void forget(const AttemptId& id) const;

 private:
  explicit ResultSpool(std::string dir) : dir_(std::move(dir)) {}
  std::string path_of(const AttemptId& id) const;

  std::string dir_;
};

}  // namespace docket::agent
