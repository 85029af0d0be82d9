// Talks to the Jobe beside the agent over libcurl's multi interface: all its runs in one thread,
// connections kept and used again. Owned by the loop's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/address.h"

namespace docket::agent {

class JobeClient {
 public:
  // With an api_key every request carries it as X-API-KEY; empty: none does.
  static std::unique_ptr<JobeClient> create(const Address& jobe, const std::string& api_key);
  virtual ~JobeClient() = default;

  virtual void start(PostRun&& run) = 0;
  virtual void start(CheckFile&& file) = 0;
  virtual void start(PutFile&& file) = 0;
  virtual void start_probe() = 0;

  // Sleeps until a transfer moves, one of `fds` is readable, or timeout_ms have passed.
  virtual void wait(const std::vector<int>& fds, int timeout_ms) = 0;
  // Moves the transfers on and appends what has ended: RunAnswered, FileChecked,
  // FilePushed, Probed.
  virtual void collect(std::vector<Event>& out) = 0;
};

}  // namespace docket::agent
