// The one place that joins the core with store, link and HTTP front. run() is the loop's thread;
// post(), journal_progress() and the stops may be called from any thread.
//
// A turn: take what came in → feed the core → hand its saves to the journal as one numbered batch →
// publish the snapshot → send assignments at once → hold answers until the journal has committed
// their batch.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <variant>
#include <vector>

#include "master/core/core.h"
#include "master/core/seams.h"
#include "master/net/router.h"
#include "master/store/journal.h"
#include "protocol/base/log.h"
#include "protocol/base/mailbox.h"
#include "protocol/base/notify.h"
#include "protocol/base/published.h"

namespace docket {

class Loop {
 public:
  using Reply = std::variant<Answer, CommandDone, Explained>;
  using Answering = std::function<void(Reply&&)>;  // called on the loop's thread

  // `first`: what the core wanted when it was restored.
  Loop(Core core, Effects first, net::Router& router, FileStore& files,
       Published<Snapshot>& published, Answering answer, Notifier& notifier, Logger log);

  // Must be called once, before run().
  void attach(store::Journal& journal) { journal_ = &journal; }

  void post(Event event) { inbox_.post(std::move(event)); }
  // A command, and what the audit is to say when it is carried out: both are on disk before the
  // answer goes out, or neither is.
  void order(Event command, AuditEntry entry) {
    inbox_.post(Order{std::move(command), std::move(entry)});
  }
  void journal_progress(const store::JournalProgress& progress) { inbox_.post(progress); }
  // run() returns when no client waits and `nobody_asks`, which it calls, says that none will, or
  // drain_ms from now.
  void stop_when_idle(std::uint32_t drain_ms, std::function<bool()> nobody_asks) {
    inbox_.post(Stop{drain_ms, std::move(nobody_asks)});
  }

  // Returns after a stop.
  void run();

 private:
  struct Stop {
    std::uint32_t drain_ms;
    std::function<bool()> nobody_asks;
  };
  struct Order {
    Event command;
    AuditEntry entry;
  };
  struct Held {
    std::uint64_t batch;
    std::variant<Reply, Send> what;
  };
  using Item = std::variant<Event, Order, store::JournalProgress, Stop>;

  void sleep(Now now);
  void take_inbox(Now now);
  void on(Event& event, Now now);
  void on(Order& order, Now now);
  void on(const store::JournalProgress& progress, Now now);
  void on(const Stop& stop, Now now);
  void perform(Now now);
  void watch_journal(Now now);
  void publish(Now now, bool at_once);
  void reply(Reply reply, bool after_commit);
  void release();
  void send(const Send& order);
  void send_chunk(SendChunk& order);
  void tell_service_manager(Now now);
  void log(const Note& note);
  void log(const Job& job);

  Core core_;
  net::Router& router_;
  FileStore& files_;
  Published<Snapshot>& published_;
  const Answering answer_;
  Notifier& notifier_;
  const Logger log_;
  store::Journal* journal_ = nullptr;

  Mailbox<Item> inbox_;
  std::vector<Event> events_;  // of this turn
  Effects effects_;            // of this turn
  std::vector<LinkId> gone_;   // found dead while sending: fed to the core next turn
  std::deque<Held> held_;
  std::uint64_t batch_ = 0;
  std::uint64_t committed_ = 0;
  std::string store_problem_;
  MonoMs journal_moved_ = kNever;  // since when a batch is with the journal, or its last word;
                                   // never: none is
  MonoMs next_publish_ = 0;
  bool unpublished_ = true;
  std::uint64_t refused_shown_ = 0;    // peers, in what was last published
  std::function<bool()> nobody_asks_;  // set when it is to stop
  MonoMs stop_by_ = kNever;
};

}  // namespace docket
