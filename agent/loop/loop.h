// The one place that joins the agent's core with link, sandbox and spool. run() is the agent's only
// working thread; drain() and stop() may be called from any thread.
#pragma once

#include <functional>
#include <vector>

#include "agent/core/core.h"
#include "agent/host/host.h"
#include "agent/jobe/client.h"
#include "agent/net/dealer.h"
#include "agent/spool/spool.h"
#include "protocol/base/log.h"
#include "protocol/base/mailbox.h"
#include "protocol/base/notify.h"

namespace docket::agent {

class Loop {
 public:
  // `ready` is called once, on the loop's thread, when the master has welcomed the agent.
  Loop(Core core, Dealer& dealer, JobeClient& jobe, ResultSpool& spool, const Host& host,
       std::function<void()> ready, Notifier& notifier, Logger log);

  // Take no more, finish what runs, then return from run(); after drain_ms at the latest.
  void drain(std::uint32_t drain_ms) { inbox_.post(DrainWithin{drain_ms}); }

  // Returns when drained.
  void run();

 private:
  struct DrainWithin {
    std::uint32_t drain_ms;
  };

  void sleep(Now now);
  void perform();
  void perform_one(Effect& effect);
  void note_trouble();
  void keep(const Finished& result);
  void retry_spool(MonoMs now);
  void tell_service_manager(MonoMs now);
  // Nothing is left to do, and what is finished is with the master or on disk.
  bool over() const { return stopped_ && spool_.unsaved() == 0; }

  Core core_;
  Dealer& dealer_;
  JobeClient& jobe_;
  ResultSpool& spool_;
  const Host& host_;
  const std::function<void()> ready_;
  Notifier& notifier_;
  const Logger log_;

  Mailbox<DrainWithin> inbox_;
  std::vector<Event> events_;  // of this turn, and what effects have found for the next
  Effects effects_;
  LinkTrouble trouble_ = LinkTrouble::none;  // as it was last said
  MonoMs stop_by_ = kNever;
  bool welcomed_ = false;  // once at least
  bool stopped_ = false;
  MonoMs next_spool_ = 0;  // while something is unsaved
};

}  // namespace docket::agent
