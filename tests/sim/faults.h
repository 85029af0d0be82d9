// What goes wrong: processes that crash, stall and are restarted, hosts that lose power,
// connections that are cut, sandboxes that fall sick, a disk that fails, operators who take hosts
// out. Drawn from the plan until its time is up; then everything heals. One thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/sim/agent_host.h"
#include "tests/sim/clients.h"

namespace docket::sim {

struct Cluster {
  MasterHost& master;
  Network& network;
  Disk& disk;
  Front& front;
  Clients& clients;
  Shelf& shelf;
  std::vector<std::unique_ptr<Sandbox>>& sandboxes;
  std::vector<std::unique_ptr<AgentHost>>& agents;
  JobAudit& jobs;
  HostAudit& hosts;
};

class Faults {
 public:
  Faults(World& world, const Plan& plan, Cluster cluster);

  void begin();
  void heal();
  // Operators have let every host go.
  bool orders_done() const { return pending_orders_ == 0; }

 private:
  void every(bool enabled, MonoMs mean_ms, std::function<void()> strike);
  HostIndex any_host() { return world_.dice.below(plan_.hosts.size()); }
  void for_processes();
  void for_network();
  void for_the_rest();
  void crash_master();
  void reboot_host(HostIndex host);
  void cut(HostIndex host, MonoMs from, MonoMs until);
  void swizzle();
  void sicken(HostIndex host);
  void order(HostIndex host, Hold hold, std::optional<std::uint32_t> deadline_s);
  void send_order(HostIndex host, const HoldAgent& hold, MonoMs wait_ms);
  void cancel_some_run();

  World& world_;
  const Plan& plan_;
  Cluster cluster_;
  bool healed_ = false;
  std::size_t pending_orders_ = 0;
  std::vector<bool> ordering_;  // an order for the host is under way
  bool heals_orders_ = false;
};

}  // namespace docket::sim
