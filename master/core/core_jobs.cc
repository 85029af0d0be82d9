// The life of a job: submitted, queued, assigned, retried, finished.
#include <algorithm>

#include "master/core/core.h"
#include "master/core/placement.h"
#include "master/core/verdict.h"
#include "protocol/base/check.h"

namespace docket {

std::string own_result(const JobId& id, Outcome outcome, const std::string& text) {
  // The text is ours and needs no escaping.
  return "{\"run_id\":\"" + id.text() +
         "\",\"outcome\":" + std::to_string(static_cast<int>(outcome)) +
         R"(,"cmpinfo":"","stdout":"","stderr":")" + text + "\"}";
}

Bytes cancelled_result(const JobId& id, const std::string& why) {
  // Outcome 21 is the one that CodeRunner neither marks nor keeps.
  return std::make_shared<const std::string>(
      own_result(id, Outcome::overload, "Docket: this run was cancelled: " + why));
}

std::string log_name(const Job& job) {
  std::string name = "job=" + job.id.text();
  if (job.client_job.empty()) return name;
  name += " client_job=\"";
  // Clients write it: nothing of it may pass for a part of the line.
  for (const char c : job.client_job) name += c > ' ' && c <= '~' && c != '"' ? c : '?';
  return name + "\"";
}

Core::LiveJob* Core::live(const JobId& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

bool Core::runs_as(const LiveJob& job, const std::string& agent, std::uint32_t attempt) const {
  if (job.job.state != JobState::running) return false;
  const Attempt& current = job.job.attempts.back();
  return current.agent == agent && current.number == attempt;
}

void Core::set_deadline(LiveJob& job, MonoMs at) {
  if (job.deadline != 0) deadlines_.erase({job.deadline, job.job.id});
  job.deadline = at;
  if (at != 0) deadlines_.emplace(at, job.job.id);
}

void Core::enqueue(LiveJob& job) {
  job.job.state = JobState::queued;
  job.delayed = false;
  const auto key = keys_.find(job.job.key);
  const Priority priority = key == keys_.end() ? Priority::normal : key->second.priority;
  queue_.add(job.job.language, job.job.key, priority, job.ticket, {job.job.id, job.came});
  ++queued_;
  ++counters_.of(job.job.language).waiting;
  queued_bytes_ += job.job.run_spec->size();
  if (!job.job.key.empty()) ++queued_by_key_[job.job.key];
  set_deadline(job,
               job.room_until == 0 ? job.wait_until : std::min(job.room_until, job.wait_until));
}

void Core::dequeue(LiveJob& job) {
  CHECK_THAT(job.job.state == JobState::queued);
  if (!job.delayed) queue_.remove(job.job.language, job.job.key, job.ticket);
  job.delayed = false;
  --queued_;
  --counters_.of(job.job.language).waiting;
  queued_bytes_ -= job.job.run_spec->size();
  const auto of_key = queued_by_key_.find(job.job.key);
  if (of_key != queued_by_key_.end() && --of_key->second == 0) queued_by_key_.erase(of_key);
}

void Core::dispatch(Now now, Effects& out) {
  if (!store_problem_.empty()) return;  // never on in memory only
  const auto has_room = [](const auto& entry) { return entry.second.has_room(); };
  if (queue_.lanes().empty() ||
      std::none_of(agents_.all().begin(), agents_.all().end(), has_room)) {
    return;
  }
  Queue::Round round;
  Agent* destination = nullptr;
  const auto offer = [&](const Queue::Lane&, const JobId& id) {
    const LiveJob* job = live(id);
    CHECK_THAT(job != nullptr);
    const Placement placement = place(agents_, demand_of(*job), settings_, ++placements_);
    destination = placement.agent;
    if (destination != nullptr) return Queue::Offered::taken;
    switch (placement.blocked) {
      case Placement::Blocked::job:
        return Queue::Offered::passed_over;
      case Placement::Blocked::same_demand:
        return Queue::Offered::lane_blocked;
      case Placement::Blocked::language:
        return Queue::Offered::language_blocked;
    }
    return Queue::Offered::passed_over;
  };
  while (const auto taken = queue_.take_next(round, now.mono, offer)) {
    LiveJob& job = *live(taken->job);
    charge(job, *taken);
    assign(job, *destination, now, out);
  }
}

Demand Core::demand_of(const LiveJob& job) const {
  static const std::string kNowhere;
  return {job.job.language, job.tags, job.tried, job.job.files,
          job.room_until == 0 ? kNowhere : job.doubted_on};
}

std::vector<std::string> Core::tags_of(const std::string& key) const {
  const auto known = keys_.find(key);
  return known == keys_.end() ? std::vector<std::string>{} : known->second.tags;
}

void Core::charge(const LiveJob& job, const Queue::Taken& taken) {
  queue_.charge(job.job.key, taken, cost_of(job.job.language, job.job.key));
}

double Core::cost_of(const std::string& language, const std::string& key) const {
  const auto known = keys_.find(key);
  const auto expected = expected_ms_.find(language);
  return (expected == expected_ms_.end() ? kFirstExpectedMs : expected->second) /
         (known == keys_.end() ? 1 : known->second.weight);
}

void Core::assign(LiveJob& job, Agent& agent, Now now, Effects& out) {
  dequeue(job);
  Attempt attempt;
  // An adopted attempt stands last and need not have the highest number.
  attempt.number = job.highest_seen + 1;
  for (const Attempt& earlier : job.job.attempts) {
    attempt.number = std::max(attempt.number, earlier.number + 1);
  }
  attempt.agent = agent.name;
  attempt.language_version = agent.version_of(job.job.language);
  attempt.assigned = now.wall;
  job.job.attempts.push_back(attempt);
  job.job.state = JobState::running;
  job.room_until = 0;
  const AttemptId id{job.job.id, attempt.number};
  agent.occupied.emplace(id, job.job.cputime_s);
  agent.last_assigned = ++assignments_;
  const std::uint32_t lease = lease_ms(settings_, job.job.cputime_s);
  set_deadline(job, now.mono + lease + settings_.lease_margin_ms);

  Assign order;
  order.id = id;
  order.expires_ms = now.mono + settings_.assign_expiry_ms;
  order.lease_ms = lease;
  order.language = job.job.language;
  order.files = job.job.files;
  order.body = *job.job.run_spec;
  out.push_back(SaveJob{job.job});
  send(agent, std::move(order), now, out);
}

void Core::adopt(LiveJob& job, Agent& agent, std::uint32_t attempt, Now now) {
  if (job.job.state == JobState::queued) dequeue(job);
  auto& attempts = job.job.attempts;
  auto known = std::find_if(attempts.begin(), attempts.end(), [&](const Attempt& a) {
    return a.number == attempt && a.agent == agent.name;
  });
  if (known == attempts.end()) {
    // It was assigned just before the master died, and that was not on disk yet.
    attempts.push_back({});
    known = attempts.end() - 1;
    known->number = attempt;
    known->agent = agent.name;
    known->language_version = agent.version_of(job.job.language);
    known->assigned = now.wall;
  }
  known->ended = 0;
  known->ending = Ending::none;
  known->detail.clear();
  std::rotate(known, known + 1, attempts.end());  // the current attempt stands last
  recount(job);
  job.job.state = JobState::running;
  job.room_until = 0;
  set_deadline(job, now.mono + lease_ms(settings_, job.job.cputime_s) + settings_.lease_margin_ms);
}

void Core::recount(LiveJob& job) {
  job.counted = 0;
  job.tried.clear();
  for (const Attempt& attempt : job.job.attempts) {
    if (attempt.ending == Ending::none || attempt.ending == Ending::forgotten ||
        attempt.ending == Ending::doubted) {
      continue;
    }
    if (counts_as_attempt(attempt.ending, attempt.outcome)) ++job.counted;
    // Counted or not: where it has just failed it goes again only if it must.
    if (std::find(job.tried.begin(), job.tried.end(), attempt.agent) == job.tried.end()) {
      job.tried.push_back(attempt.agent);
    }
  }
}

void Core::end_attempt(LiveJob& job, Ending ending, const std::string& detail, Now now) {
  CHECK_THAT(job.job.state == JobState::running);
  Attempt& attempt = job.job.attempts.back();
  attempt.ended = now.wall;
  attempt.ending = ending;
  attempt.detail = detail;
  counters_.ended(ending);
}

void Core::retry(LiveJob& job, Now now, Effects& out) {
  const Attempt& ended = job.job.attempts.back();
  out.push_back(Note{Note::Level::warn, log_name(job.job) + " attempt=" +
                                            std::to_string(ended.number) + " agent=" + ended.agent +
                                            " ended=\"" + std::string(ending_name(ended.ending)) +
                                            "\" http_status=" + std::to_string(ended.http_status) +
                                            " outcome=" + std::to_string(ended.outcome)});
  if (!wanted(job)) {
    finish(job, JobState::cancelled, 200, static_cast<std::uint32_t>(Outcome::overload),
           cancelled_result(job.job.id, "its client left"), now, out);
    return;
  }
  recount(job);
  const std::size_t tries = job.job.attempts.size();
  if (job.counted >= settings_.max_attempts || tries >= settings_.max_all_attempts) {
    const auto& attempts = job.job.attempts;
    const bool overloaded = std::all_of(attempts.begin(), attempts.end(), [](const Attempt& a) {
      return a.outcome == static_cast<std::uint32_t>(Outcome::overload);
    });
    if (overloaded) {  // the sandboxes agree, and clients know what it means
      finish(job, JobState::failed, 200, static_cast<std::uint32_t>(Outcome::overload),
             std::make_shared<const std::string>(own_result(job.job.id, Outcome::overload, "")),
             now, out);
      return;
    }
    const std::string text = "Docket: this program could not be run, " + std::to_string(tries) +
                             " attempts on the sandboxes failed. It is not the program's fault "
                             "as far as Docket can tell; please tell your administrator.";
    finish(
        job, JobState::failed, 200, static_cast<std::uint32_t>(Outcome::internal_error),
        std::make_shared<const std::string>(own_result(job.job.id, Outcome::internal_error, text)),
        now, out);
    return;
  }
  const Demand demand = demand_of(job);
  const bool elsewhere =
      std::any_of(agents_.all().begin(), agents_.all().end(), [&](const auto& entry) {
        return takes_such(obstacle(entry.second, demand, settings_)) &&
               std::find(job.tried.begin(), job.tried.end(), entry.first) == job.tried.end();
      });
  job.wait_until = now.mono + settings_.queue_wait_ms;  // it had its turn: patience anew
  await_room(job, now);
  enqueue(job);
  if (!elsewhere) {
    // The next try may meet the same host: give it time.
    queue_.remove(job.job.language, job.job.key, job.ticket);
    job.delayed = true;
    const std::size_t doublings = std::min<std::size_t>(tries - 1, 7);
    set_deadline(job, now.mono + (MonoMs{settings_.retry_delay_ms} << doublings));
  }
  out.push_back(SaveJob{job.job});
}

void Core::finish(LiveJob& job, JobState state, int http_status, std::uint32_t outcome,
                  Bytes result, Now now, Effects& out) {
  if (job.job.state == JobState::queued) dequeue(job);
  set_deadline(job, 0);
  job.job.state = state;
  job.job.finished = now.wall;
  job.job.http_status = http_status;
  job.job.outcome = outcome;
  job.job.result = std::move(result);
  ++finished_;
  counters_.finished(job.job);
  recent_.finished(job.job, now.mono);
  history_.finished(state);
  for (const ReplyTo to : job.waiters) {
    const auto waiter = waiting_.remove(to);
    CHECK_THAT(waiter.has_value());
    Answer answer{.to = to,
                  .kind = Answer::Kind::result,
                  .job = job.job.id,
                  .http_status = http_status,
                  .body = job.job.result,
                  .patience = waiter->patience};
    if (state == JobState::cancelled && waiter->watches) answer.kind = Answer::Kind::stored;
    if (state == JobState::expired && waiter->patience.takes_id() && !waiter->watches) {
      answer.kind = Answer::Kind::overloaded;
      answer.reason = job.job.language + " had no free slot in time";
    }
    out.push_back(std::move(answer));
  }
  const JobId id = job.job.id;
  out.push_back(SaveJob{std::move(job.job)});
  jobs_.erase(id);
}

void Core::on_deadline(LiveJob& job, Now now, Effects& out) {
  if (job.job.state == JobState::running) {
    const Attempt& attempt = job.job.attempts.back();
    Agent* agent = agents_.by_name(attempt.agent);
    if (agent == nullptr || !agent->connected()) {
      // Restored from disk: an agent lost while we watch loses its runs at once.
      if (agent != nullptr) {
        keep_slot(*agent, {job.job.id, attempt.number}, job.job.cputime_s, false, now);
      }
      end_attempt(job, Ending::forgotten, "its agent did not come back after a restart", now);
      retry(job, now, out);
      return;
    }
    const AttemptId id{job.job.id, attempt.number};
    if (agent->occupied.erase(id) > 0) keep_slot(*agent, id, job.job.cputime_s, false, now);
    record_fault(*agent, job.program, "it gave no answer within the lease", now, out);
    end_attempt(job, Ending::overdue, "no word from the agent within the lease", now);
    retry(job, now, out);
    return;
  }
  if (now.mono >= job.wait_until) {
    ++expired_;
    out.push_back(Note{Note::Level::warn, log_name(job.job) + " expired=\"" + job.job.language +
                                              " had no free slot in time\""});
    // It was never run: the next request of that name is a new run.
    forget_name(job);
    finish(job, JobState::expired, 200, static_cast<std::uint32_t>(Outcome::overload),
           std::make_shared<const std::string>(own_result(job.job.id, Outcome::overload, "")), now,
           out);
    return;
  }
  if (job.delayed) {
    dequeue(job);
    enqueue(job);
    return;
  }
  CHECK_THAT(job.room_until != 0);
  job.room_until = 0;  // it has waited long enough: any host will do
  set_deadline(job, job.wait_until);
}

void Core::keep_slot(Agent& agent, const AttemptId& id, std::uint32_t cputime_s, bool told,
                     Now now) {
  agent.ghosts[id] = {now.mono + ghost_ms(settings_, cputime_s), told, agent.instance};
}

void Core::learn_duration(const std::string& language, std::uint32_t run_ms) {
  // A moving average; at least a millisecond, so that every run costs something.
  double& expected = expected_ms_.try_emplace(language, kFirstExpectedMs).first->second;
  expected = std::max(1.0, expected + (run_ms - expected) / 16);
}

}  // namespace docket
