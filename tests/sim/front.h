// The master's HTTP front: open requests, their answers, and their end when the master's process
// dies. Sees that each is answered once at most, and in time where a time was asked for. One
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "tests/sim/audit_clients.h"
#include "tests/sim/master_host.h"

namespace docket::sim {

class Front {
 public:
  using Told = std::function<void(const Answer&)>;
  using Done = std::function<void(const CommandDone&)>;
  using Broken = std::function<void()>;  // the connection; no answer will come

  Front(World& world, MasterHost& master, Disk& disk, JobAudit& jobs, ClientAudit& clients);

  // 0 when nobody listens.
  ReplyTo submit(Submit run, const Asked& asked, Told told, Broken broken);
  ReplyTo ask(Event event, const Asked& asked, Told told, Broken broken);  // Watch or Remove
  ReplyTo order(Event event, Done done, Broken broken);                    // an operator's
  void leave(ReplyTo to);
  // GET runresults, without waiting.
  const Job* find(const JobId& id);
  bool listens() const { return master_.up(); }
  void master_died();
  // Something that may delay answers begins.
  void trouble() { ++troubles_; }
  bool quiet() const { return open_.empty() && orders_.empty(); }
  JobId fresh_id();

 private:
  struct Open {
    Asked asked;
    Told told;
    Broken broken;
  };
  struct Order {
    Done done;
    Broken broken;
  };

  void answer(const Answer& answer);
  void watch_the_clock(ReplyTo to, const Patience& patience);

  World& world_;
  MasterHost& master_;
  Disk& disk_;
  JobAudit& jobs_;
  ClientAudit& clients_;
  ReplyTo last_ = 0;
  std::uint64_t troubles_ = 0;
  std::map<ReplyTo, Open> open_;
  std::map<ReplyTo, Order> orders_;
  std::set<ReplyTo> answered_;
};

}  // namespace docket::sim
