// What clients and operators ask: runs, results, cancelling, keys; and who waits for what.
#include <algorithm>

#include "master/core/core.h"
#include "protocol/base/check.h"

namespace docket {

void Core::on(Submit& event, Now now, Effects& out) {
  if (repeats(event, now, out)) return;
  if (event.lacks_files) {
    out.push_back(Answer{.to = event.reply_to, .kind = Answer::Kind::lacks_files, .job = event.id});
    return;
  }
  if (auto refused = refusal_of(event, now)) {
    out.push_back(std::move(*refused));
    return;
  }
  ++submitted_;
  ++counters_.of(event.language).submitted;
  history_.arrived();
  LiveJob& job = jobs_[event.id];
  CHECK_THAT(job.ticket == 0);
  job.ticket = next_ticket_++;
  job.came = now.mono;
  job.wall_ms = event.wall_ms;
  job.program = std::hash<std::string>()(*event.run_spec);
  job.wait_until = now.mono + settings_.queue_wait_ms;
  job.job.id = event.id;
  job.job.key = std::move(event.key);
  job.tags = tags_of(job.job.key);
  job.job.idempotency_key = std::move(event.idempotency_key);
  job.job.fingerprint = std::move(event.fingerprint);
  job.job.language = std::move(event.language);
  job.job.client_job = std::move(event.client_job);
  job.job.cputime_s = event.cputime_s;
  job.job.files = std::move(event.files);
  job.hold = std::move(event.hold);
  job.job.run_spec = std::move(event.run_spec);
  job.job.received = now.wall;
  if (!job.job.idempotency_key.empty()) {
    names_.remember(Idempotency::scoped(job.job.key, job.job.idempotency_key),
                    {job.job.fingerprint, job.job.id}, now.mono + settings_.idempotency_ms);
  }
  enqueue(job);
  wait_for(job, event.reply_to, event.patience, false, now, out);
  out.push_back(SaveJob{job.job});
}

std::optional<Answer> Core::refusal_of(const Submit& event, Now now) {
  Answer refusal{.to = event.reply_to, .job = event.id, .patience = event.patience};
  // A stopping master takes what still comes in: the listener has closed the door, and who was let
  // in before would get an error where others wait a second.
  if (!store_problem_.empty()) {
    refusal.kind = Answer::Kind::unavailable;
    refusal.reason = "the master cannot save jobs";
    counters_.refuse(RefusalReason::not_accepting);
    return refusal;
  }
  const auto key = keys_.find(event.key);
  const std::size_t most_of_key = key == keys_.end() ? 0 : key->second.max_queued;
  const auto of_key = queued_by_key_.find(event.key);
  RefusalReason kind = RefusalReason::queue_jobs;
  if (queued_ >= settings_.max_queued_jobs) {
    refusal.reason = "the queue is full: " + std::to_string(settings_.max_queued_jobs) + " jobs";
  } else if (queued_bytes_ + event.run_spec->size() > settings_.max_queued_bytes) {
    kind = RefusalReason::queue_bytes;
    refusal.reason =
        "the queue is full: " + std::to_string(settings_.max_queued_bytes >> 20) + " MB of jobs";
  } else if (most_of_key != 0 && of_key != queued_by_key_.end() && of_key->second >= most_of_key) {
    kind = RefusalReason::key_queue;
    refusal.reason =
        "the key " + event.key + " has " + std::to_string(most_of_key) + " jobs waiting, its bound";
  } else {
    return std::nullopt;
  }
  refusal.kind = Answer::Kind::overloaded;
  ++refused_;
  counters_.refuse(kind);
  last_refusal_ = refusal.reason;
  last_refused_ = now.wall;
  return refusal;
}

bool Core::repeats(const Submit& event, Now now, Effects& out) {
  if (event.idempotency_key.empty()) return false;
  const auto* known = names_.find(Idempotency::scoped(event.key, event.idempotency_key), now.mono);
  if (known == nullptr) return false;
  Answer answer{.to = event.reply_to, .job = known->job, .patience = event.patience};
  if (known->fingerprint != event.fingerprint) {
    answer.kind = Answer::Kind::misused;
  } else if (LiveJob* job = live(known->job)) {
    const bool was_told = job->job.asynchronous;
    wait_for(*job, event.reply_to, event.patience, false, now, out);
    if (job->job.asynchronous != was_told) out.push_back(SaveJob{job->job});
    return true;
  } else {
    answer.kind = event.patience.respond_async ? Answer::Kind::accepted : Answer::Kind::stored;
  }
  out.push_back(std::move(answer));
  return true;
}

void Core::wait_for(LiveJob& job, ReplyTo to, const Patience& patience, bool watches, Now now,
                    Effects& out) {
  const MonoMs until = patience.until(now.mono);
  if (!watches && until <= now.mono) {
    tell_id(job, to, patience, out);
    return;
  }
  job.waiters.push_back(to);
  waiting_.add(to, {job.job.id, until, watches, patience});
}

void Core::tell_id(LiveJob& job, ReplyTo to, const Patience& patience, Effects& out) {
  job.job.asynchronous = true;
  out.push_back(
      Answer{.to = to, .kind = Answer::Kind::accepted, .job = job.job.id, .patience = patience});
}

void Core::end_wait(ReplyTo to, Effects& out) {
  const auto waiter = waiting_.remove(to);
  CHECK_THAT(waiter.has_value());
  LiveJob* job = live(waiter->job);
  CHECK_THAT(job != nullptr);
  std::erase(job->waiters, to);
  if (waiter->watches) {
    out.push_back(Answer{
        .to = to, .kind = Answer::Kind::pending, .job = waiter->job, .patience = waiter->patience});
    return;
  }
  const bool was_told = job->job.asynchronous;
  tell_id(*job, to, waiter->patience, out);
  if (!was_told) out.push_back(SaveJob{job->job});
}

bool Core::wanted(const LiveJob& job) {
  return job.job.asynchronous || !job.waiters.empty() || !job.job.idempotency_key.empty();
}

void Core::on(Watch& event, Now now, Effects& out) {
  if (LiveJob* job = live(event.job)) {
    wait_for(*job, event.reply_to, event.patience, true, now, out);
    if (stopping_) end_wait(event.reply_to, out);
  } else {
    out.push_back(Answer{.to = event.reply_to,
                         .kind = Answer::Kind::stored,
                         .job = event.job,
                         .patience = event.patience});
  }
}

void Core::on(Remove& event, Now now, Effects& out) {
  Answer answer{.to = event.reply_to, .kind = Answer::Kind::removed, .job = event.job};
  if (const auto refused = cannot_save()) {
    answer.kind = Answer::Kind::unavailable;
    answer.reason = refused->message;
  } else if (LiveJob* job = live(event.job)) {
    forget_name(*job);
    cancel(*job, "somebody asked for that", now, out);
  } else {
    names_.forget(Idempotency::scoped(event.key, event.idempotency_key), event.job);
    out.push_back(DeleteJob{event.job});
  }
  out.push_back(std::move(answer));
}

void Core::on(ClientGone& event, Now now, Effects& out) {
  const auto waiter = waiting_.remove(event.reply_to);
  if (!waiter) return;
  LiveJob* job = live(waiter->job);
  CHECK_THAT(job != nullptr);
  std::erase(job->waiters, event.reply_to);
  // A program that has begun runs to its end anyway.
  if (job->job.state == JobState::queued && !wanted(*job))
    cancel(*job, "its client left", now, out);
}

void Core::cancel(LiveJob& job, const std::string& why, Now now, Effects& out) {
  if (job.job.state == JobState::running) {
    const Attempt& attempt = job.job.attempts.back();
    // It keeps its slot until the agent reports it.
    Agent* agent = agents_.by_name(attempt.agent);
    if (agent != nullptr) send(*agent, Cancel{{job.job.id, attempt.number}}, now, out);
    end_attempt(job, Ending::cancelled, why, now);
  }
  out.push_back(Note{Note::Level::info, log_name(job.job) + " cancelled=\"" + why + "\""});
  finish(job, JobState::cancelled, 200, static_cast<std::uint32_t>(Outcome::overload),
         cancelled_result(job.job.id, why), now, out);
}

void Core::on(CancelRun& event, Now now, Effects& out) {
  CommandDone done{event.reply_to, std::nullopt};
  if (auto refused = cannot_save()) {
    done.error = std::move(refused);
  } else if (LiveJob* job = live(event.job)) {
    forget_name(*job);
    cancel(*job, "an operator asked for that", now, out);
  } else {
    done.error = Error{ErrorCode::conflict, "the run has ended already"};
  }
  out.push_back(std::move(done));
}

void Core::on(CreateKey& event, Now now, Effects& out) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    out.push_back(CommandDone{event.reply_to, Error{code, std::move(why)}});
  };
  if (auto refused = cannot_save()) return refuse(refused->code, std::move(refused->message));
  if (keys_.contains(event.key.name)) {
    return refuse(ErrorCode::conflict, "there is a key named " + event.key.name +
                                           ": choose another name, or revoke that one first");
  }
  if (shown_keys_->contains(event.key.hash)) {
    return refuse(ErrorCode::conflict,
                  "this secret is the key " + shown_keys_->at(event.key.hash).name + " already");
  }
  if (keys_.size() >= kMaxApiKeys) {
    return refuse(ErrorCode::conflict,
                  "there are " + std::to_string(kMaxApiKeys) + " keys: revoke some first");
  }
  event.key.created = now.wall;
  keys_.emplace(event.key.name, event.key);
  publish_keys();
  out.push_back(Note{Note::Level::info, "key=" + event.key.name + " created=yes"});
  out.push_back(SaveKey{std::move(event.key)});
  out.push_back(CommandDone{event.reply_to, std::nullopt});
}

void Core::on(RevokeKey& event, Now, Effects& out) {
  if (auto refused = cannot_save()) {
    out.push_back(CommandDone{event.reply_to, std::move(refused)});
    return;
  }
  if (keys_.erase(event.name) == 0) {
    out.push_back(CommandDone{event.reply_to,
                              Error{ErrorCode::not_found, "there is no key named " + event.name}});
    return;
  }
  publish_keys();
  out.push_back(Note{keys_.empty() ? Note::Level::warn : Note::Level::info,
                     "key=" + event.name + " revoked=yes" + (keys_.empty() ? " api=open" : "")});
  out.push_back(DeleteKey{event.name});
  out.push_back(CommandDone{event.reply_to, std::nullopt});
}

void Core::forget_name(const LiveJob& job) {
  names_.forget(Idempotency::scoped(job.job.key, job.job.idempotency_key), job.job.id);
}

std::optional<Error> Core::cannot_save() const {
  if (store_problem_.empty()) return std::nullopt;
  return Error{ErrorCode::unavailable, "the master cannot save: " + store_problem_};
}

void Core::publish_keys() {
  ApiKeys shown;
  for (const auto& [name, key] : keys_) shown.emplace(key.hash, key);
  shown_keys_ = std::make_shared<const ApiKeys>(std::move(shown));
}

}  // namespace docket
