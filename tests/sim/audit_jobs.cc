#include "tests/sim/audit_jobs.h"

#include <algorithm>
#include <utility>

#include "master/core/canary.h"

namespace docket::sim {
namespace {

std::string text(const Job& job, const Attempt& attempt) {
  return job.id.text() + " attempt " + std::to_string(attempt.number) + " on " + attempt.agent;
}

bool said_by_agent(Ending ending) {
  return static_cast<std::uint8_t>(ending) <= kLastWireEnding;
}

}  // namespace

bool ends_by_host(Ending ending) {
  switch (ending) {
    case Ending::none:
    case Ending::ran:
    case Ending::rejected:
    case Ending::expired:
    case Ending::unreachable:
    case Ending::files_unavailable:
    case Ending::cancelled:
    case Ending::forgotten:
    case Ending::evicted:
    case Ending::doubted:
      return false;
    case Ending::files_missing:
    case Ending::push_failed:
    case Ending::http_error:
    case Ending::timed_out:
    case Ending::unreadable:
    case Ending::cut:
    case Ending::agent_lost:
    case Ending::overdue:
      return true;
  }
  return true;
}

JobAudit::JobAudit(World& world, const Plan& plan, const Programs& programs, const RunAudit& runs,
                   const Network& network, const Disk& disk)
    : world_(world),
      plan_(plan),
      programs_(programs),
      runs_(runs),
      network_(network),
      disk_(disk),
      hosts_(plan.hosts.size()) {
  for (HostIndex i = 0; i < plan.hosts.size(); ++i) indices_[plan.hosts[i].name] = i;
}

HostIndex JobAudit::index_of(const std::string& name) const {
  const auto found = indices_.find(name);
  require(found != indices_.end(), "results: nothing is made up", "no agent is named " + name);
  return found->second;
}

void JobAudit::master_started() {
  master_started_ = world_.now();
  running_.clear();
  for (Host& host : hosts_) {
    host.link = 0;
    host.welcomed = host.bye = -1;
    host.hellos.clear();
  }
  for (auto& [id, known] : known_) known.restored = false;
  for (const auto& [id, job] : disk_.jobs()) {
    Known& known = known_[id];
    known.state = job.state;
    known.ended.clear();
    for (const Attempt& attempt : job.attempts) {
      if (attempt.ending != Ending::none) known.ended.emplace(attempt.agent, attempt.number);
    }
    if (job.state != JobState::running) continue;
    known.current = {job.attempts.back().agent, job.attempts.back().number};
    known.restored = true;
    known.orders[known.current].due = world_.now() + plan_.core.rejoin_grace_ms;
    running_.insert(id);
  }
}

void JobAudit::hears(HostIndex index, LinkId link, const ToMaster& message) {
  Host& host = hosts_[index];
  if (link == host.link) host.heard = world_.now();
  if (const auto* hello = std::get_if<Hello>(&message)) {
    host.hellos[link] = {hello->held.begin(), hello->held.end()};
  } else if (link != host.link) {
    return;  // nobody knows it there
  } else if (const auto* finished = std::get_if<Finished>(&message)) {
    known_[finished->id.job].told.insert({{name(index), finished->id.attempt}, finished->ending});
    if (finished->remark == Remark::silent) {
      host.silent.insert(finished->id);
      give_time_to_prove(index);
    }
  } else if (std::holds_alternative<Bye>(message)) {
    host.bye = world_.now();
  }
}

void JobAudit::welcomes(HostIndex index, LinkId link) {
  Host& host = hosts_[index];
  host.heard = world_.now();
  if (std::exchange(host.link, link) == link) return;  // it had said hello twice
  host.held = host.hellos[link];
  host.silent.clear();
  host.welcomed = world_.now();
  for (const AttemptId& id : host.held) {
    const auto known = known_.find(id.job);
    if (known == known_.end()) continue;
    Order& order = known->second.orders[{name(index), id.attempt}];
    order.link = link;
    const Job* job = disk_.job(id.job);
    const std::uint32_t cputime_s = job == nullptr ? kMaxCputimeSeconds : job->cputime_s;
    order.due = world_.now() + lease_ms(plan_.core, cputime_s) + plan_.core.lease_margin_ms;
  }
}

void JobAudit::give_time_to_prove(HostIndex host) {
  const MonoMs canary_ms = lease_ms(plan_.core, kCanaryCputimeSeconds) + plan_.core.lease_margin_ms;
  for (const AttemptId& id : hosts_[host].silent) {
    known_[id.job].orders[{name(host), id.attempt}].due = world_.now() + 2 * canary_ms;
  }
}

void JobAudit::assigns(HostIndex host, LinkId link, const Assign& order) {
  if (is_canary(order.id.job)) return give_time_to_prove(host);
  Order& made = known_[order.id.job].orders[{name(host), order.id.attempt}];
  made.link = link;
  made.assigned = world_.now();
  made.due = world_.now() + order.lease_ms + plan_.core.lease_margin_ms;
}

void JobAudit::takes(HostIndex host, const AttemptId& id) const {
  const Job* job = disk_.job(id.job);
  if (job == nullptr || job->state != JobState::running) return;
  const Attempt& current = job->attempts.back();
  require(current.agent != name(host) || current.number != id.attempt,
          "taken: an agent may forget a result only when it is on the master's disk",
          text(*job, current) + " still runs, says the disk");
}

bool JobAudit::is_unwanted(const JobId& id) const {
  const auto known = known_.find(id);
  return known != known_.end() && known->second.unwanted;
}

void JobAudit::saves(const Job& job) {
  Known& known = known_[job.id];
  require(!known.final_on_disk, "final: what has ended stays as it is",
          job.id.text() + " is saved again as " + std::string(state_name(job.state)));
  check_attempts(job, known);
  known.state = job.state;
  running_.erase(job.id);
  if (job.state == JobState::running) {
    const Try current{job.attempts.back().agent, job.attempts.back().number};
    known.restored = known.restored && known.current == current;
    known.current = current;
    running_.insert(job.id);
  }
  const auto waited = world_.now() - known.submitted;
  switch (job.state) {
    case JobState::queued:
    case JobState::running:
      break;
    case JobState::done:
      check_done(job);
      break;
    case JobState::failed: {
      const auto counted = std::count_if(job.attempts.begin(), job.attempts.end(),
                                         [&](const Attempt& a) { return counts(job, a); });
      require(
          counted >= plan_.core.max_attempts || job.attempts.size() >= plan_.core.max_all_attempts,
          "host's fault: a run fails only when its attempts are used up",
          job.id.text() + " failed after " + std::to_string(counted));
      break;
    }
    case JobState::expired:
      require(waited >= plan_.core.queue_wait_ms, "waiting: no run expires before its time",
              job.id.text() + " waited " + std::to_string(waited) + " ms");
      break;
    case JobState::cancelled:
      require(known.unwanted, "cancelling: only what nobody wants is cancelled", job.id.text());
      break;
  }
}

void JobAudit::check_attempts(const Job& job, Known& known) {
  std::size_t counted = 0;
  std::set<Try> ended;
  std::set<Try> seen;
  for (const Attempt& attempt : job.attempts) {
    const Try one{attempt.agent, attempt.number};
    require(seen.insert(one).second, "fencing: no two attempts are alike", text(job, attempt));
    const bool open = job.state == JobState::running && &attempt == &job.attempts.back();
    require((attempt.ending == Ending::none) == open, "attempts: one at a time",
            text(job, attempt) + " has ended by " + std::string(ending_name(attempt.ending)));
    if (open) continue;
    ended.insert(one);
    if (counts(job, attempt)) ++counted;
    if (!known.ended.contains(one)) check_ending(job, attempt, known);
  }
  known.ended = std::move(ended);
  require(counted <= plan_.core.max_attempts && job.attempts.size() <= plan_.core.max_all_attempts,
          "attempts: they are bounded",
          job.id.text() + " has " + std::to_string(counted) + " that count, of " +
              std::to_string(job.attempts.size()));
}

void JobAudit::check_ending(const Job& job, const Attempt& attempt, const Known& known) const {
  const Try one{attempt.agent, attempt.number};
  const Host& host = hosts_[index_of(attempt.agent)];
  const auto found = known.orders.find(one);
  const Order order = found == known.orders.end() ? Order{} : found->second;
  const MonoMs now = world_.now();
  bool truth = false;
  if (attempt.ending == Ending::cancelled && job.state == JobState::cancelled) {
    truth = true;
  } else if (said_by_agent(attempt.ending)) {
    truth = known.told.contains({one, attempt.ending});
  } else if (attempt.ending == Ending::agent_lost) {
    truth = !network_.open_at_master(order.link) || now - host.heard >= plan_.core.silence_ms;
  } else if (attempt.ending == Ending::overdue) {
    truth = now >= order.due;
    on_overdue(index_of(attempt.agent), {job.id, attempt.number});
  } else if (attempt.ending == Ending::forgotten) {
    const bool in_hello =
        host.welcomed >= order.assigned && !host.held.contains({job.id, attempt.number});
    truth = in_hello || host.bye >= order.assigned ||
            now - master_started_ >= plan_.core.rejoin_grace_ms;
  } else if (attempt.ending == Ending::evicted) {
    truth = std::any_of(host.evicted_at.begin(), host.evicted_at.end(),
                        [&](MonoMs at) { return at <= now; });
  }
  require(
      truth, "fencing: an attempt ends by its own agent's word, or by what is true of it",
      text(job, attempt) + " is said to have ended by " + std::string(ending_name(attempt.ending)));
}

void JobAudit::check_done(const Job& job) const {
  const Attempt& last = job.attempts.back();
  const Execution* source = runs_.source_of(*job.result);
  if (source == nullptr && runs_.lost_unnoticed({job.id, last.number})) return;
  require(source != nullptr, "results: a client gets what its program printed",
          job.id.text() + " is done with: " + *job.result);
  require(source->attempt == AttemptId{job.id, last.number} && name(source->host) == last.agent,
          "fencing: a result counts only from the current agent and attempt",
          text(job, last) + " is done with the output of " + source->attempt.job.text() +
              " attempt " + std::to_string(source->attempt.attempt) + " on " + name(source->host));
  require(source->program != nullptr && source->program == programs_.find(*job.run_spec),
          "results: a client gets what its program printed", job.id.text());
  require(!source->host_fault, "host's fault: it is never a student's mark",
          text(job, last) + " is done with: " + *job.result);
  const bool rejected = source->program->behaviour == Behaviour::rejected;
  require(job.http_status == (rejected ? 400 : 200), "rejected: 400 goes back unchanged",
          job.id.text());
  require(rejected || job.result->find(job.id.text()) != std::string::npos,
          "results: a result carries its run's id", *job.result);
}

bool JobAudit::counts(const Job& job, const Attempt& attempt) const {
  if (ends_by_host(attempt.ending)) return true;
  if (attempt.ending != Ending::ran) return false;
  if (attempt.outcome == static_cast<std::uint32_t>(Outcome::overload)) return false;  // not begun
  // A run that did not end the job failed by the host's fault, or by the program's on every host.
  return job.state != JobState::done || &attempt != &job.attempts.back();
}

void JobAudit::shows(const Snapshot& snapshot) {
  std::size_t slots = 0;
  for (const HostPlan& host : plan_.hosts) slots += host.slots;
  // What runs may come back to a queue that is full; so may, once, what had ended when the master
  // died and was not on disk yet, for which another was let in.
  require(
      snapshot.queued + snapshot.running <= plan_.core.max_queued_jobs + 2 * slots,
      "bounded: the queue takes no more than its bound",
      std::to_string(snapshot.queued) + " wait, and " + std::to_string(snapshot.running) + " run");
  std::set<std::string> gone;
  for (const AgentView& view : snapshot.agents) {
    if (view.state != AgentState::lost && view.state != AgentState::left) continue;
    gone.insert(view.name);
    hosts_[index_of(view.name)].link = 0;
  }
  for (const JobId& id : running_) {
    const Known& known = known_.at(id);
    if (!gone.contains(known.current.first)) continue;
    const bool awaited = known.restored && hosts_[index_of(known.current.first)].welcomed < 0;
    require(awaited, "lost agents: what ran there goes elsewhere at once",
            id.text() + " still runs on " + known.current.first);
  }
}

void JobAudit::committed(const Job& job) {
  Known& known = known_[job.id];
  known.final_on_disk = is_final(job.state);
  if (job.idempotency_key.empty()) return;
  auto& jobs = named_[{job.key, job.idempotency_key}];
  if (job.state == JobState::cancelled || job.state == JobState::expired) {
    jobs.erase(job.id);
  } else {
    jobs.insert(job.id);
  }
  require(jobs.size() <= 1, "idempotency: one name never gives two jobs",
          job.idempotency_key + " stands for " + std::to_string(jobs.size()));
}

void JobAudit::deleted(const JobId& id) {
  require(is_unwanted(id), "acknowledged: nothing that was accepted is lost",
          id.text() + " was deleted");
  for (auto& [name, jobs] : named_) jobs.erase(id);
}

void JobAudit::check_leases() const {
  constexpr MonoMs kSlackMs = 2'000;
  for (const JobId& id : running_) {
    const Known& known = known_.at(id);
    const auto order = known.orders.find(known.current);
    const MonoMs due = order == known.orders.end() ? master_started_ : order->second.due;
    require(world_.now() <= due + kSlackMs, "leases: every attempt comes to an end",
            id.text() + " runs on " + known.current.first + " beyond its lease");
  }
}

void JobAudit::check_end() const {
  for (const auto& [id, job] : disk_.jobs()) {
    require(is_final(job.state) && job.result != nullptr, "healing: in the end every job has ended",
            id.text() + " is " + std::string(state_name(job.state)));
  }
}

}  // namespace docket::sim
