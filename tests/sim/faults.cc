#include "tests/sim/faults.h"

#include <algorithm>

namespace docket::sim {

Faults::Faults(World& world, const Plan& plan, Cluster cluster)
    : world_(world), plan_(plan), cluster_(cluster), ordering_(plan.hosts.size()) {}

void Faults::every(bool enabled, MonoMs mean_ms, std::function<void()> strike) {
  if (!enabled) return;
  world_.after(world_.dice.between(1, 2 * mean_ms), [this, mean_ms, strike] {
    if (healed_) return;
    strike();
    every(true, mean_ms, strike);
  });
}

void Faults::begin() {
  for_processes();
  for_network();
  for_the_rest();
}

void Faults::for_processes() {
  // In a large cluster more goes wrong at a time.
  const auto hosts = static_cast<MonoMs>(plan_.hosts.size());
  const MonoMs scale = std::max<MonoMs>(1, hosts / 10);
  every(plan_.master_crashes, 40'000, [this] { crash_master(); });
  every(plan_.master_stalls, 40'000, [this] {
    cluster_.front.trouble();
    cluster_.master.stall(world_.dice.between(300, 15'000));
  });
  every(plan_.agent_crashes, 20'000 / scale, [this] {
    const HostIndex host = any_host();
    cluster_.agents[host]->crash();
    world_.after(world_.dice.between(100, 20'000),
                 [this, host] { cluster_.agents[host]->start(); });
  });
  every(plan_.agent_stalls, 30'000 / scale, [this] {
    const bool beyond_lease = world_.dice.chance(25);
    cluster_.agents[any_host()]->stall(beyond_lease ? world_.dice.between(20'000, 100'000)
                                                    : world_.dice.between(500, 12'000));
  });
  every(plan_.agent_restarts, 40'000 / scale,
        [this] { cluster_.agents[any_host()]->terminate(world_.dice.between(100, 60'000)); });
  every(plan_.host_reboots, 60'000 / scale, [this] { reboot_host(any_host()); });
}

void Faults::crash_master() {
  if (!cluster_.master.up()) return;
  cluster_.master.crash(world_.dice.chance(30));
  cluster_.front.master_died();
  world_.after(world_.dice.between(50, world_.dice.chance(20) ? 25'000 : 4'000), [this] {
    cluster_.front.trouble();
    cluster_.master.start();
  });
}

void Faults::reboot_host(HostIndex host) {
  const MonoMs down = world_.dice.between(5'000, 60'000);
  cluster_.agents[host]->crash(true);
  cluster_.sandboxes[host]->lose_power();
  cluster_.sandboxes[host]->restart(down);
  world_.after(down + world_.dice.between(0, 3'000),
               [this, host] { cluster_.agents[host]->start(); });
}

void Faults::for_network() {
  every(plan_.cuts, 20'000, [this] {
    const MonoMs ms = world_.dice.chance(70) ? world_.dice.between(500, 9'000)
                                             : world_.dice.between(9'000, 60'000);
    cut(any_host(), 0, ms);
  });
  every(plan_.swizzles, 60'000, [this] { swizzle(); });
  every(plan_.resets, 15'000, [this] { cluster_.network.reset(any_host()); });
}

void Faults::cut(HostIndex host, MonoMs from, MonoMs until) {
  world_.after(from, [this, host] {
    if (healed_) return;
    const auto way = world_.dice.below(4);  // both ways twice as often
    world_.trace(plan_.hosts[host].name, " is cut off, way ", way);
    cluster_.network.cut(host, way != 1, way != 2);
  });
  world_.after(until, [this, host] {
    world_.trace(plan_.hosts[host].name, " is mended");
    cluster_.network.mend(host);
  });
}

void Faults::swizzle() {
  for (HostIndex host = 0; host < plan_.hosts.size(); ++host) {
    if (!world_.dice.chance(60)) continue;
    cut(host, world_.dice.between(0, 10'000), world_.dice.between(10'000, 20'000));
  }
}

void Faults::for_the_rest() {
  every(plan_.sick_sandboxes, 30'000, [this] { sicken(any_host()); });
  every(plan_.sick_sandboxes, 60'000,
        [this] { cluster_.sandboxes[any_host()]->restart(world_.dice.between(0, 5'000)); });
  every(plan_.short_hosts, 30'000, [this] {
    const HostIndex host = any_host();
    world_.trace(plan_.hosts[host].name, " is short of memory");
    cluster_.agents[host]->run_short(true);
    world_.after(world_.dice.between(5'000, 60'000),
                 [this, host] { cluster_.agents[host]->run_short(false); });
  });
  every(plan_.failing_disk, 60'000, [this] {
    cluster_.front.trouble();
    cluster_.disk.fail_for(world_.dice.between(500, 20'000));
  });
  every(plan_.wall_steps, 60'000,
        [this] { cluster_.master.step_wall_clock(world_.dice.between(-3'600'000, 3'600'000)); });
  every(!plan_.even_runs && plan_.snapshots, 20'000, [this] {
    for (auto& [file, version] : cluster_.shelf) {
      if (world_.dice.chance(20)) ++version;
    }
    if (world_.dice.chance(30)) cluster_.sandboxes[any_host()]->forget_files();
  });
  every(plan_.operators, 15'000, [this] {
    const Hold hold = world_.dice.chance(40)   ? Hold::none
                      : world_.dice.chance(60) ? Hold::drain
                                               : Hold::cordon;
    std::optional<std::uint32_t> deadline;
    if (hold == Hold::drain && world_.dice.chance(70)) {
      deadline = static_cast<std::uint32_t>(world_.dice.between(0, 10));
    }
    order(any_host(), hold, deadline);
  });
  every(plan_.operators, 30'000, [this] { cancel_some_run(); });
}

void Faults::sicken(HostIndex host) {
  // What plainly says "internal error" on two hosts alike is told from a program that breaks every
  // sandbox by nobody: only one host of a run falls sick in this way.
  static const std::vector<Sickness> kinds = {
      Sickness::http_500, Sickness::half_answer, Sickness::guard_fault,
      Sickness::overload, Sickness::silent,      Sickness::slow,
      Sickness::refuses,  Sickness::guard_fault, Sickness::mute};
  const Sickness sickness =
      host == 0 && world_.dice.chance(20) ? Sickness::internal_error : world_.dice.one_of(kinds);
  world_.trace(plan_.hosts[host].name, " falls sick, kind ", static_cast<int>(sickness));
  cluster_.sandboxes[host]->fall(sickness);
  world_.after(world_.dice.between(5'000, 60'000),
               [this, host] { cluster_.sandboxes[host]->fall(Sickness::none); });
}

void Faults::order(HostIndex host, Hold hold, std::optional<std::uint32_t> deadline_s) {
  if (ordering_[host]) return;
  ordering_[host] = true;
  HoldAgent wanted;
  wanted.name = plan_.hosts[host].name;
  wanted.hold = hold;
  wanted.reason = "an operator's reason";
  wanted.deadline_s = deadline_s;
  cluster_.hosts.asks(host);
  send_order(host, wanted, 0);
}

void Faults::send_order(HostIndex host, const HoldAgent& hold, MonoMs wait_ms) {
  world_.after(wait_ms, [this, host, hold] {
    if (hold.deadline_s) {
      cluster_.jobs.evicts(host, world_.now() + MonoMs{1'000} * *hold.deadline_s);
    }
    const auto again = [this, host, hold] { send_order(host, hold, 2'000); };
    const auto done = [this, host, hold, again](const CommandDone& told) {
      const bool unknown = told.error && told.error->code == ErrorCode::not_found;
      if (told.error && !unknown) return again();
      world_.trace("operators: ", hold.name, " has hold ", static_cast<int>(hold.hold));
      require(unknown || cluster_.disk.hold_of(hold.name) == hold.hold,
              "acknowledged: what an operator is told is on disk", hold.name);
      ordering_[host] = false;
      cluster_.hosts.told(host, !unknown && hold.hold != Hold::none);
      if (heals_orders_ && hold.hold == Hold::none) --pending_orders_;
      if (heals_orders_ && hold.hold != Hold::none) order(host, Hold::none, {});
    };
    if (cluster_.front.order(hold, done, again) == 0) again();
  });
}

void Faults::cancel_some_run() {
  const auto& told = cluster_.clients.told();
  if (told.empty() || !cluster_.front.listens()) return;
  const JobId id =
      told[told.size() - 1 - world_.dice.below(std::min<std::size_t>(told.size(), 10))];
  cluster_.jobs.unwanted(id);
  cluster_.front.order(
      CancelRun{0, id}, [](const CommandDone&) {}, [] {});
}

void Faults::heal() {
  world_.trace("everything heals");
  healed_ = true;
  cluster_.front.trouble();
  cluster_.network.heal();
  cluster_.disk.heal();
  cluster_.master.start();
  cluster_.master.resume();
  for (HostIndex host = 0; host < plan_.hosts.size(); ++host) {
    cluster_.sandboxes[host]->fall(Sickness::none);
    cluster_.agents[host]->run_short(false);
    cluster_.agents[host]->resume();
    cluster_.agents[host]->start();
    // Words were lost that only a new connection repeats.
    if (plan_.wild) cluster_.network.reset(host);
  }
  if (!plan_.operators) return;
  heals_orders_ = true;
  pending_orders_ = plan_.hosts.size();
  for (HostIndex host = 0; host < plan_.hosts.size(); ++host) {
    order(host, Hold::none, {});  // or after the order that is under way
  }
}

}  // namespace docket::sim
