// Finished results on disk while the master is away: one file each, in the wire's own form. Owned
// by the loop's thread. What the disk does not take is kept here and tried again.
#pragma once

#include <map>
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

  // What an earlier life left. A result that cannot be read is skipped and put aside under
  // another name; halves are removed.
  std::vector<Finished> load() const;
  // On disk when it succeeds; else it stays unsaved until retry() has written or forget() dropped
  // it.
  Status keep(const Finished& result);
  void forget(const AttemptId& id);
  std::size_t unsaved() const { return unsaved_.size(); }
  void retry();

 private:
  explicit ResultSpool(std::string dir) : dir_(std::move(dir)) {}
  std::string path_of(const AttemptId& id) const;
  Status write(const Finished& result) const;

  std::string dir_;
  std::map<AttemptId, Finished> unsaved_;
};

}  // namespace docket::agent
