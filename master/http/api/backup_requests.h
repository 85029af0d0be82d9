// POST /api/v1/backup: one thread makes copies of the database and answers, so that no reactor
// waits for a disk. take() on any thread; the answers come from the thread "backup".
//
// Invariants: one copy at a time; nothing is answered after stop().
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "master/core/seams.h"
#include "master/http/server.h"
#include "protocol/base/log.h"
#include "protocol/base/mailbox.h"

namespace docket::http {

// The name asked for by the body, {"name": text}, or, by {}, one made of the time. invalid says
// what a name must be.
Result<std::string> read_backup_name(const std::string& body, WallMs now);

class BackupRequests {
 public:
  using Respond = std::function<void(RequestId, Response)>;

  BackupRequests(Backups& backups, Respond respond, Logger log);
  ~BackupRequests() { stop(); }
  BackupRequests(const BackupRequests&) = delete;
  BackupRequests& operator=(const BackupRequests&) = delete;

  // What was taken before waits until then.
  void start();
  // Ends the copy that is being made, unanswered.
  void stop();

  // False when a copy is being made already.
  bool take(RequestId request, std::string name);

 private:
  struct Order {
    RequestId request = 0;  // 0: stop
    std::string name;
  };

  void run();
  Response carry_out(const Order& order);

  Backups& backups_;
  const Respond respond_;
  const Logger log_;
  Mailbox<Order> inbox_;
  std::atomic<bool> busy_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace docket::http
