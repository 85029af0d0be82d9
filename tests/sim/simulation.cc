#include "tests/sim/simulation.h"

#include "tests/sim/faults.h"

namespace docket::sim {
namespace {

// Everything there is, joined.
class Simulation {
 public:
  Simulation(World& world, const Plan& plan);
  Report run();

 private:
  void wire();
  void each_second();
  bool all_done() const;

  World& world_;
  const Plan& plan_;
  Programs programs_;
  Shelf shelf_;
  Network network_;
  Disk disk_;
  RunAudit runs_;
  AgentAudit agent_audit_;
  JobAudit jobs_;
  HostAudit hosts_;
  FairAudit fairness_;
  ClientAudit client_audit_;
  MasterHost master_;
  Front front_;
  Clients clients_;
  std::vector<std::unique_ptr<Sandbox>> sandboxes_;
  std::vector<std::unique_ptr<AgentHost>> agents_;
  Faults faults_;
  MonoMs leases_from_ = 0;
};

Simulation::Simulation(World& world, const Plan& plan)
    : world_(world),
      plan_(plan),
      network_(world, plan.hosts.size(), plan.wild),
      disk_(world, plan),
      runs_(world, plan),
      agent_audit_(world, plan),
      jobs_(world, plan, programs_, runs_, network_, disk_),
      hosts_(world, plan),
      fairness_(plan),
      client_audit_(runs_, jobs_, disk_),
      master_(world, plan, network_, disk_, shelf_, jobs_, hosts_, fairness_),
      front_(world, master_, disk_, jobs_, client_audit_),
      clients_(world, plan, programs_, front_, shelf_),
      faults_(world, plan,
              {master_, network_, disk_, front_, clients_, shelf_, sandboxes_, agents_, jobs_,
               hosts_}) {
  for (const char* file : {"filea", "fileb", "filec", "filed"}) shelf_[file] = 1;
  disk_.put_keys(plan.keys);
  for (HostIndex host = 0; host < plan.hosts.size(); ++host) {
    sandboxes_.push_back(
        std::make_unique<Sandbox>(world, host, plan.hosts[host], programs_, runs_));
    agents_.push_back(
        std::make_unique<AgentHost>(world, plan, host, network_, *sandboxes_[host], agent_audit_));
  }
  wire();
}

void Simulation::wire() {
  network_.to_master = [this](LinkId link, std::string bytes) {
    master_.frame(link, std::move(bytes));
  };
  network_.to_agent = [this](HostIndex host, std::string bytes, MonoMs ahead) {
    agents_[host]->frame(std::move(bytes), ahead);
  };
  disk_.on_commit = [this](const Job& job) { jobs_.committed(job); };
  disk_.on_delete = [this](const JobId& id) { jobs_.deleted(id); };
  disk_.on_progress = [this](std::uint64_t committed, const std::string& problem) {
    master_.journal(committed, problem);
  };
  master_.on_crash = [this] { runs_.master_died(); };
  jobs_.on_overdue = [this](HostIndex host, const AttemptId& id) { hosts_.overdue(host, id); };
}

void Simulation::each_second() {
  // A master that has just stood still is given its turn first.
  if (!master_.up() || master_.stalled()) leases_from_ = world_.now() + 2'000;
  if (world_.now() >= leases_from_) jobs_.check_leases();
  world_.after(1'000, [this] { each_second(); });
}

bool Simulation::all_done() const {
  if (!clients_.all_over() || !front_.quiet() || !disk_.idle() || !faults_.orders_done()) {
    return false;
  }
  const Snapshot snapshot = master_.snapshot();
  if (snapshot.queued + snapshot.running > 0) return false;
  for (const AgentView& view : snapshot.agents) {
    if (view.state != AgentState::active || view.running > 0) return false;
  }
  for (const auto& agent : agents_) {
    if (!agent->idle()) return false;
  }
  return true;
}

Report Simulation::run() {
  master_.start();
  for (auto& agent : agents_) agent->start();
  clients_.begin();
  faults_.begin();
  each_second();
  bool healed = false;
  bool done = false;
  world_.at(plan_.faults_until_ms, [&] {
    healed = true;
    clients_.heal();
    faults_.heal();
  });
  MonoMs next_look = 0;
  while (!done) {
    world_.step();
    if (!healed || world_.now() < next_look) continue;
    next_look = world_.now() + 1'000;
    done = master_.up() && all_done();
    require(done || world_.now() < plan_.faults_until_ms + plan_.heal_bound_ms,
            "healing: in the end every job has ended",
            "not all is well " + std::to_string(plan_.heal_bound_ms / 1'000) +
                " s after the last fault");
  }
  jobs_.check_end();
  client_audit_.check_acknowledged();
  return {disk_.jobs().size(),
          clients_.served(),
          runs_.count(),
          world_.steps(),
          hosts_.quarantines(),
          fairness_.judged(),
          world_.now() - plan_.faults_until_ms};
}

}  // namespace

Report run_plan(const Plan& plan, std::uint64_t seed, bool tracing) {
  World world(seed, tracing);
  Simulation simulation(world, plan);
  return simulation.run();
}

Report run_seed(std::uint64_t seed, bool tracing) {
  Dice dice(seed);
  const Plan plan = draw_plan(dice);
  if (tracing) std::cout << "seed " << seed << ": " << describe(plan) << '\n';
  return run_plan(plan, seed, tracing);
}

}  // namespace docket::sim
