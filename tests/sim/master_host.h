// The master's process: the real core, joined to network, disk and HTTP front as master/loop joins
// it; and what can happen to a process. Shows the auditor every effect before it is performed. One
// thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "master/core/core.h"
#include "tests/sim/audit_fairness.h"
#include "tests/sim/audit_hosts.h"
#include "tests/sim/audit_jobs.h"
#include "tests/sim/shelf.h"

namespace docket::sim {

class MasterHost {
 public:
  MasterHost(World& world, const Plan& plan, Network& network, Disk& disk, const Shelf& shelf,
             JobAudit& jobs, HostAudit& hosts, FairAudit& fairness);

  std::function<void(const Answer&)> on_answer;
  std::function<void(const CommandDone&)> on_done;
  std::function<void()> on_crash;

  void start();
  void crash(bool reboot);
  void stall(MonoMs ms);
  void resume();
  void step_wall_clock(MonoMs ms) { wall_ahead_ += ms; }

  bool up() const { return core_ != nullptr; }
  bool stalled() const { return world_.now() < stalled_until_; }
  Now clock() const { return {world_.now() + ahead_, world_.now() + wall_ahead_}; }
  // Into the loop's inbox.
  void post(Event event);
  void frame(LinkId link, std::string bytes);
  void journal(std::uint64_t committed, const std::string& problem);
  Snapshot snapshot() const { return core_->snapshot(clock()); }

 private:
  struct Progress {
    std::uint64_t committed = 0;
    std::string problem;
  };
  using Reply = std::variant<Answer, CommandDone>;
  struct Held {
    std::uint64_t batch = 0;
    std::variant<Send, Reply> what;
  };

  void wake(MonoMs when);
  void turn();
  void take_inbox(Now now);
  void take_frames(Now now);
  void step(Event event, Now now);
  void audit(std::size_t from, Now now);
  void audit_send(const Send& order);
  void perform();
  void release();
  void reply(Reply reply, bool after_commit);
  void tell(Reply& reply);
  void send(const Send& order);
  void send_chunk(const SendChunk& order);

  World& world_;
  const Plan& plan_;
  Network& network_;
  Disk& disk_;
  const Shelf& shelf_;
  JobAudit& jobs_;
  HostAudit& hosts_;
  FairAudit& fairness_;

  std::uint64_t life_ = 0;
  MonoMs ahead_ = 0;  // its monotonic clock at the world's 0
  WallMs wall_ahead_ = 1'700'000'000'000;
  std::unique_ptr<Core> core_;
  Effects effects_;
  std::vector<LinkId> gone_;
  std::deque<std::variant<Event, Progress>> inbox_;
  std::deque<std::pair<LinkId, std::string>> frames_;
  std::deque<Held> held_;
  std::uint64_t batch_ = 0;
  std::uint64_t committed_ = 0;
  std::string problem_;
  MonoMs stalled_until_ = 0;
  MonoMs wake_at_ = kNever;
};

}  // namespace docket::sim
