#include "tests/sim/audit_hosts.h"

#include <algorithm>
#include <utility>

#include "master/core/canary.h"
#include "tests/sim/audit_jobs.h"

namespace docket::sim {
namespace {

// Decision 21: so many different programs are no chance.
constexpr std::size_t kFaultyPrograms = 3;

bool is_fault(const Finished& finished) {
  if (finished.ending != Ending::ran) return ends_by_host(finished.ending);
  return finished.outcome == static_cast<std::uint32_t>(Outcome::internal_error) ||
         finished.outcome == static_cast<std::uint32_t>(Outcome::overload) ||
         !finished.fault_signature.empty();
}

// When the turn began.
auto was_active(const Snapshot& snapshot) {
  return [now = snapshot.taken](const AgentView& view) {
    return view.state == AgentState::active ||
           (view.state == AgentState::suspect && view.since == now);
  };
}

// Not one that was let out sick in the same turn.
bool is_well(const AgentView& view) {
  return (view.state == AgentState::active || view.state == AgentState::suspect) &&
         view.degraded.empty() && view.shortage.empty();
}

}  // namespace

HostIndex HostAudit::index_of(const std::string& name) const {
  return static_cast<HostIndex>(
      std::find_if(plan_.hosts.begin(), plan_.hosts.end(),
                   [&](const HostPlan& host) { return host.name == name; }) -
      plan_.hosts.begin());
}

bool HostAudit::is_short(const HostReport& report) const {
  return report.cores > 0 && report.free_memory_mb < plan_.core.min_free_memory_mb;
}

template <class Helps>
bool HostAudit::is_last(const AgentView& view, const Snapshot& snapshot, Helps helps) const {
  std::set<std::vector<std::string>> wishes = {{}};
  for (const ApiKey& key : plan_.keys) wishes.insert(key.tags);
  const HostPlan& own = plan_.hosts[index_of(view.name)];
  const auto alone = [&](const std::string& language, const std::vector<std::string>& tags) {
    return serves(plan_, own, language, tags) &&
           std::none_of(snapshot.agents.begin(), snapshot.agents.end(), [&](const auto& other) {
             return other.name != view.name && helps(other) && !other.languages.empty() &&
                    serves(plan_, plan_.hosts[index_of(other.name)], language, tags);
           });
  };
  return std::any_of(view.languages.begin(), view.languages.end(), [&](const Language& language) {
    return std::any_of(wishes.begin(), wishes.end(),
                       [&](const auto& tags) { return alone(language.id, tags); });
  });
}

void HostAudit::master_started() {
  for (Host& host : hosts_) {
    host.state = AgentState::lost;
    host.link = 0;
    host.hellos.clear();
    host.out.clear();
    host.faulty.clear();
    host.leaving = host.canary_good = host.is_short = false;
  }
}

void HostAudit::hears(HostIndex index, LinkId link, const ToMaster& message) {
  Host& host = hosts_[index];
  if (const auto* hello = std::get_if<Hello>(&message)) {
    host.hellos[link] = {
        hello->slots, {hello->held.begin(), hello->held.end()}, is_short(hello->host)};
  } else if (link != host.link) {
    return;  // nobody knows it there
  } else if (const auto* finished = std::get_if<Finished>(&message)) {
    host.out.erase(finished->id);
    bool faulty = is_fault(*finished) || finished->remark == Remark::silent;
    if (is_canary(finished->id.job)) {
      host.canary_good = canary_problem(*finished).empty();
      faulty = !host.canary_good;
    }
    if (faulty && host.given.contains(finished->id)) host.faulty.insert(host.given[finished->id]);
  } else if (const auto* report = std::get_if<HostReport>(&message)) {
    host.is_short = is_short(*report);
  } else if (std::holds_alternative<Draining>(message)) {
    host.leaving = true;
  } else if (std::holds_alternative<Bye>(message)) {
    host.out.clear();
  }
}

void HostAudit::welcomes(HostIndex index, LinkId link) {
  Host& host = hosts_[index];
  if (std::exchange(host.link, link) == link) return;  // it had said hello twice
  const Said& said = host.hellos[link];
  host.slots = said.slots;
  host.out = said.held;
  host.is_short = said.is_short;
  host.leaving = false;
}

void HostAudit::assigns(HostIndex index, const Assign& order) {
  Host& host = hosts_[index];
  const std::string& name = plan_.hosts[index].name;
  if (world_.now() >= host.canary_due) {
    std::erase_if(host.out, [](const AttemptId& id) { return is_canary(id.job); });
  }
  // A canary is asked of a host that is let back, or proves that one loses no output: then it runs
  // in the slot of the answer that it is about.
  const bool is_canary_run = is_canary(order.id.job);
  const bool proves = is_canary_run && host.state != AgentState::probing;
  require(proves || !host.held, "holds: a drained or cordoned host is given nothing",
          name + " is given " + order.id.job.text());
  require(proves || !host.leaving, "holds: a host that says it is leaving is given nothing",
          name + " is given " + order.id.job.text());
  require(proves || host.out.size() < host.slots, "slots: no agent is given more than it has slots",
          name + " has " + std::to_string(host.slots) + " and is given one more");
  host.out.insert(order.id);
  host.given[order.id] = order.body;
  if (is_canary_run) {
    host.canary_due = world_.now() + order.lease_ms + plan_.core.lease_margin_ms;
    return;
  }
  require(!host.is_short, "placement: a host that is short of memory is given no run",
          name + " is given " + order.id.job.text());
  require(!plan_.snapshots || host.state == AgentState::active,
          "quarantine: only a well host is given clients' runs",
          name + " is " + std::string(agent_state_name(host.state)) + " and is given " +
              order.id.job.text());
}

void HostAudit::overdue(HostIndex index, const AttemptId& id) {
  Host& host = hosts_[index];
  host.out.erase(id);
  if (host.given.contains(id)) host.faulty.insert(host.given[id]);
}

void HostAudit::shows(const Snapshot& snapshot) {
  for (const AgentView& view : snapshot.agents) {
    Host& host = hosts_[index_of(view.name)];
    if (view.state == AgentState::quarantined) check_quarantine(view, snapshot, host);
    const bool was_out = host.state == AgentState::quarantined || host.state == AgentState::probing;
    if (view.state == AgentState::active && was_out && !view.degraded.empty()) {
      // Still sick: its faults stay in the book.
      require(is_last(view, snapshot, is_well),
              "quarantine: only the last host of a language is let out sick", view.name);
    } else if (view.state == AgentState::active && host.state == AgentState::probing) {
      require(host.canary_good || host.may_be_let_out, "quarantine: a good canary lets a host back",
              view.name + " is active again");
      host.faulty.clear();
    }
    host.state = view.state;
    if (view.state == AgentState::lost || view.state == AgentState::left) host.link = 0;
  }
}

void HostAudit::check_quarantine(const AgentView& view, const Snapshot& snapshot, Host& host) {
  if (host.state != AgentState::active && host.state != AgentState::suspect) return;
  ++quarantines_;
  world_.trace(view.name, " is quarantined: ", view.reason);
  host.canary_good = false;
  host.may_be_let_out = host.asked;
  require(
      host.faulty.size() >= kFaultyPrograms, "quarantine: not for one program's faults",
      view.name + " is out for the faults of " + std::to_string(host.faulty.size()) + " programs");
  require(!is_last(view, snapshot, was_active(snapshot)),
          "quarantine: the last host of a language stays",
          view.name + " was the last with one of its languages");
}

}  // namespace docket::sim
