// How the host of the agent fares: what wants to run, what memory and disk are free. Reads /proc
// and the file system; any thread.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket::agent {

// On whose disk the sandbox works: `asked`, or /home/jobe if there is one, else `data`.
std::string watched_folder(const std::string& asked, const std::string& data);

class Host {
 public:
  // `folder` is where the sandbox works. An error when its disk or the memory cannot be read.
  static Result<Host> open(const std::string& folder);

  // What cannot be read any more counts as none free: better no run than one that fails.
  HostReport sample() const;

 private:
  explicit Host(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace docket::agent
