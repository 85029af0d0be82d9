#include "tests/sim/audit_clients.h"

namespace docket::sim {
namespace {

constexpr const char* kAcknowledged = "acknowledged: what a client is told is on disk";

}  // namespace

void ClientAudit::answered(const Asked& asked, const Answer& answer) {
  using Kind = Answer::Kind;
  const Job* job = disk_.job(answer.job);
  const bool unwanted = jobs_.is_unwanted(answer.job);
  const std::string id = answer.job.text();
  switch (answer.kind) {
    case Kind::accepted:
      require(asked.kind == Asked::Kind::run && asked.patience.takes_id(),
              "answers: only who takes an id gets one", id);
      require(job != nullptr || unwanted, kAcknowledged, id + " was accepted");
      check_named(asked, answer.job);
      acknowledged_.insert(answer.job);
      break;
    case Kind::result:
      require(asked.kind != Asked::Kind::remove, "answers: each fits its question", id);
      require(unwanted || (job != nullptr && is_final(job->state) && *job->result == *answer.body),
              kAcknowledged, id + " was answered");
      if (asked.kind == Asked::Kind::run) {
        check_named(asked, answer.job);
        const Execution* source = runs_.source_of(*answer.body);
        require(source == nullptr || source->program == asked.program,
                "results: a client gets what its program printed", id);
      }
      remember(answer.job, *answer.body);
      break;
    case Kind::pending:
      require(asked.kind == Asked::Kind::watch, "answers: each fits its question", id);
      break;
    case Kind::stored:
      require(unwanted || (job != nullptr && is_final(job->state)), kAcknowledged,
              id + " has ended, it is said");
      if (asked.kind == Asked::Kind::run) check_named(asked, answer.job);
      break;
    case Kind::removed:
      require(job == nullptr || job->state == JobState::cancelled, kAcknowledged,
              id + " was removed, it is said");
      break;
    case Kind::lacks_files:
    case Kind::misused:
      require(false, "answers: each fits its question", id);
      break;
    case Kind::overloaded:
    case Kind::unavailable:
      break;
  }
}

void ClientAudit::check_named(const Asked& asked, const JobId& told) {
  if (asked.name.empty()) {
    require(told == asked.job, "answers: each fits its question", told.text());
    return;
  }
  const auto [known, fresh] = named_.try_emplace({asked.key, asked.name}, told);
  if (fresh || known->second == told) return;
  // The name is free again when its job was cancelled, deleted or has expired.
  const Job* before = disk_.job(known->second);
  const bool free =
      jobs_.is_unwanted(known->second) || (before != nullptr && before->state == JobState::expired);
  require(free, "idempotency: one name never gives two jobs",
          asked.name + " was " + known->second.text() + " and is " + told.text());
  known->second = told;
}

void ClientAudit::reads(const JobId& id, const Job* job) {
  require(job != nullptr || jobs_.is_unwanted(id),
          "acknowledged: nothing that was accepted is lost", id.text() + " is unknown");
  if (job != nullptr && is_final(job->state)) remember(id, *job->result);
}

void ClientAudit::remember(const JobId& id, const std::string& result) {
  const auto [known, fresh] = told_.try_emplace(id, result);
  require(fresh || known->second == result, "final: what has ended stays as it is",
          id.text() + " had two results");
}

void ClientAudit::check_acknowledged() const {
  for (const JobId& id : acknowledged_) {
    require(disk_.job(id) != nullptr || jobs_.is_unwanted(id),
            "acknowledged: nothing that was accepted is lost", id.text() + " is gone");
  }
  for (const auto& [id, result] : told_) {
    const Job* job = disk_.job(id);
    require(jobs_.is_unwanted(id) || (job != nullptr && job->result && *job->result == result),
            "acknowledged: nothing that was accepted is lost", id.text() + "'s result is gone");
  }
}

}  // namespace docket::sim
