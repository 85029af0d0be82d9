// An agent's process on its host: the real core, joined to network, sandbox and spool as
// agent/loop joins it; and what can happen to a process. The spool outlives it. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/core.h"
#include "tests/sim/audit_agents.h"
#include "tests/sim/sandbox.h"

namespace docket::sim {

class AgentHost {
 public:
  AgentHost(World& world, const Plan& plan, HostIndex index, Network& network, Sandbox& sandbox,
            AgentAudit& audit);

  void start();
  void crash(bool power_lost = false);
  void stall(MonoMs ms);
  void resume();
  // SIGTERM: drain, leave, and be started again.
  void terminate(MonoMs drain_ms);
  void frame(std::string bytes, MonoMs master_ahead);
  // Its host has next to no free memory.
  void run_short(bool is_short) { short_ = is_short; }
  bool up() const { return core_ != nullptr; }
  bool idle() const { return up() && core_->running() == 0 && spool_.empty(); }

 private:
  void wake(MonoMs when);
  void turn();
  void take_frames(Now now);
  void perform();
  void leave();
  void happens(agent::Event event);
  template <class Do>
  void later(MonoMs ms, Do what);

  void on(agent::SendToMaster& send);
  void on(agent::Reconnect&);
  void on(agent::PostRun& run);
  void on(agent::CheckFile& file);
  void on(agent::PutFile& file);
  void on(agent::Probe&);
  void on(agent::SampleHost& sample);
  void on(agent::Spool& keep);
  void on(agent::Unspool& gone);
  void on(agent::Note& note);
  void on(agent::Ready&) {}
  void on(agent::Stop&) { stopped_ = true; }

  World& world_;
  const HostIndex index_;
  const HostPlan& plan_;
  Network& network_;
  Sandbox& sandbox_;
  AgentAudit& audit_;

  std::map<AttemptId, std::string> spool_;  // on its disk

  std::uint64_t life_ = 0;
  MonoMs booted_ = 0;  // its monotonic clock at the world's 0
  bool short_ = false;
  std::unique_ptr<agent::Core> core_;
  agent::Effects effects_;
  std::vector<agent::Event> events_;
  std::vector<std::pair<std::string, MonoMs>> frames_;
  std::map<AttemptId, std::uint64_t> open_runs_;  // requests at the sandbox
  std::optional<MonoMs> drain_ms_;
  MonoMs stop_by_ = kNever;
  MonoMs stalled_until_ = 0;
  MonoMs wake_at_ = kNever;
  bool stopped_ = false;
};

}  // namespace docket::sim
