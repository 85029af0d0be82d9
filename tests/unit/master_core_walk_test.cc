// A random walk over everything that can happen to the master's core: seeded, with agents that keep
// their side of the protocol, links that die, commits that lag and masters that crash. After every
// step the auditor compares the core with its own book; in the end everything is healed and every
// client must have its answer. A failure names the seed.
#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <random>

#include "master/core/canary.h"
#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

const std::string kForeign = "the result of somebody else";
const std::vector<std::string> kLanguages = {"c", "java", "python3"};

struct PlayedAgent {
  std::string name;
  std::uint64_t instance = 1;
  std::uint32_t slots = 1;
  std::vector<std::string> languages;
  LinkId link = 0;  // 0: has no connection
  bool welcomed = false;
  bool silent = false;
  bool dead = false;  // for ever
  bool draining = false;
  bool sick = false;                                  // most of what it runs fails by its fault
  std::map<AttemptId, std::optional<Finished>> held;  // nothing: it still runs

  std::size_t running() const {
    return static_cast<std::size_t>(std::count_if(
        held.begin(), held.end(), [](const auto& entry) { return !entry.second.has_value(); }));
  }
};

// One client's request, as its own end saw it.
struct Request {
  enum class Kind { run, watch, remove };
  Kind kind = Kind::run;
  JobId job;
  Patience patience;
  std::string name;       // its idempotency key
  bool connected = true;  // until it left, or the master that took it crashed
  int answers = 0;
  Answer::Kind answer = Answer::Kind::lacks_files;
};

class Walk {
 public:
  explicit Walk(std::uint32_t seed) : random_(seed) {
    settings_.max_queued_jobs = 40;
    settings_.queue_wait_ms = 60'000;
    settings_.lease_base_ms = 10'000;
    settings_.max_attempts = 4;
    core_ = std::make_unique<Core>(settings_, "1.0");
    feed(Restored{});
    for (int i = 1; i <= 4; ++i) {
      PlayedAgent& agent = agents_.emplace_back();
      agent.name = "lab-" + std::to_string(i);
      agent.slots = 1 + pick(3);
      agent.languages = some_languages();
      agent.sick = i == 1;
    }
  }

  void step() {
    switch (pick(37)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return submit();
      case 4:
      case 5:
        return hello_anew(any_agent());
      case 6:
        return hello_again(any_agent());
      case 7:
      case 8:
      case 9:
      case 10:
        return end_a_run(any_agent());
      case 11:
        return tell_results(any_agent());
      case 12:
      case 13:
      case 14:
      case 15:
      case 16:
        return deliver(any_agent());
      case 17:
        return lose_link(any_agent());
      case 18:
        return restart_agent(any_agent());
      case 19:
        any_agent().silent = pick(3) == 0;
        return;
      case 20:
        return report_sandbox(any_agent());
      case 21:
        return say_nonsense();
      case 22:
        return leave(any_agent());
      case 23:
        if (pick(4) == 0) feed(StoreProblem{pick(2) == 0 ? "disk full" : ""});
        return;
      case 24:
        if (pick(20) == 0) crash();
        return;
      case 25:
      case 26:
      case 27:
        return commit();
      case 28:
        return watch();
      case 29:
        if (pick(2) == 0) remove();
        return;
      case 30:
      case 31:
        return leave_as_client();
      case 32:
        return repeat();
      default:
        return let_time_pass(pick(8) == 0 ? 1 + pick(6'000) : 1 + pick(300));
    }
  }

  // Everything works again, but one agent may never come back, and a last crash may precede: every
  // job must come to its end.
  void heal() {
    healing_ = true;
    if (pick(2) == 0) agents_.back().dead = agents_.back().silent = true;
    if (pick(2) == 0) crash();
    feed(StoreProblem{});
    for (PlayedAgent& agent : agents_) {
      if (agent.dead) continue;
      agent.silent = false;
      agent.draining = false;
      agent.languages = kLanguages;
      agent.slots = 2;
      hello_anew(agent);
    }
    for (int turn = 0; turn < 400 && !quiet(); ++turn) {
      for (PlayedAgent& agent : agents_) {
        if (agent.dead) continue;
        while (!to_agent_[agent.link].empty()) deliver(agent);
        if (!agent.welcomed) hello_anew(agent);
        while (agent.running() > 0) end_a_run(agent, ran());
        tell_results(agent);
      }
      commit();
      let_time_pass(500);
    }
    REQUIRE(quiet());
    for (const auto& [to, request] : requests_) {
      CAPTURE(request.job.text());
      if (request.connected) REQUIRE(request.answers == 1);
      // What was acknowledged is on disk, and finished, if nobody had it deleted.
      const bool told = request.answers > 0 && request.answer == Answer::Kind::accepted;
      if (told && !deleted_.contains(request.job)) REQUIRE(disk_.contains(request.job));
    }
    // A client's name for a request never stands for two runs at a time.
    std::map<std::string, int> named;
    for (const auto& [id, job] : disk_) {
      if (job.idempotency_key.empty() || job.state == JobState::cancelled ||
          job.state == JobState::expired) {
        continue;
      }
      REQUIRE(++named[job.idempotency_key] == 1);
    }
    for (const auto& [id, job] : disk_) {
      CAPTURE(id.text());
      REQUIRE(is_final(job.state));
      REQUIRE(job.result != nullptr);
    }
    REQUIRE(core_->nobody_waits());
  }

  // How much happened, to see that a walk goes where it should.
  struct Counts {
    int done = 0;
    int failed = 0;
    int expired = 0;
    int crashes = 0;
    int late = 0;
    int cancelled = 0;
    int cancels = 0;  // told to agents
    int pending = 0;  // watchers that waited in vain
    int watched = 0;  // and with success
    int canaries = 0;
    int proofs = 0;    // canaries for answers without output
    int doubted = 0;   // attempts
    int repeated = 0;  // requests that joined another's run
  };
  Counts counts() const {
    Counts counts = counts_;
    for (const auto& [id, job] : disk_) {
      counts.done += job.state == JobState::done;
      counts.failed += job.state == JobState::failed;
      counts.expired += job.state == JobState::expired;
      counts.cancelled += job.state == JobState::cancelled;
      for (const Attempt& attempt : job.attempts) {
        counts.doubted += attempt.ending == Ending::doubted;
      }
    }
    return counts;
  }

 private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  PlayedAgent& any_agent() { return agents_[pick(static_cast<std::uint32_t>(agents_.size()))]; }

  std::vector<std::string> some_languages() {
    std::vector<std::string> languages;
    for (const auto& language : kLanguages) {
      if (pick(3) > 0) languages.push_back(language);
    }
    return languages;
  }

  Finished random_ending() {
    if (pick(8) == 0) return silence();
    if (pick(12) == 0) {  // of a host that was too busy
      Finished late = ran(Outcome::time_limit);
      late.run_ms = 1'000'000;
      late.load_percent = 400;
      return late;
    }
    if (pick(3) > 0) return pick(3) == 0 ? ran(Outcome::runtime_error) : ran();
    if (pick(3) == 0) return ran(pick(2) == 0 ? Outcome::internal_error : Outcome::overload);
    return ended(static_cast<Ending>(2 + pick(kLastWireEnding - 1)));
  }

  // ---- the core's turn

  void feed(Event event) {
    Effects out;
    const std::uint64_t late = core_->snapshot(now_).late_results;
    core_->step(std::move(event), now_, out);
    counts_.late += static_cast<int>(core_->snapshot(now_).late_results - late);
    audit(out);
  }

  void tell(PlayedAgent& agent, ToMaster message) {
    if (agent.link != 0) feed(FromAgent{agent.link, std::move(message)});
  }

  void let_time_pass(MonoMs ms) {
    now_.mono += ms;
    now_.wall += ms;
    for (PlayedAgent& agent : agents_) {
      if (agent.link != 0 && !agent.silent) tell(agent, Heartbeat{now_.mono});
    }
    Effects out;
    core_->tick(now_, out);
    REQUIRE(core_->next_deadline() > now_.mono);  // or the loop would spin
    audit(out);
  }

  void audit(Effects& out) {
    const Snapshot snapshot = core_->snapshot(now_);
    for (Effect& effect : out) {
      if (const auto* save = std::get_if<SaveJob>(&effect)) check_save(save->job);
      if (const auto* reply = std::get_if<Answer>(&effect)) {
        if (!waits_for_commit(reply->kind)) {
          answer(*reply);
          continue;
        }
      }
      if (const auto* send = std::get_if<Send>(&effect)) {
        if (std::holds_alternative<Welcome>(send->message)) {
          welcomed_on_[link_owner_[send->link]] = send->link;
        }
        if (const auto* order = std::get_if<Assign>(&send->message)) {
          check_order(send->link, *order, snapshot);
        }
        if (!send->after_commit) {
          to_agent_[send->link].push_back(send->message);
          continue;
        }
      }
      uncommitted_.push_back(std::move(effect));
    }
    std::map<std::string, std::size_t> running;
    for (const auto& [id, job] : seen_) {
      if (job.state == JobState::running) ++running[job.attempts.back().agent];
    }
    for (const AgentView& view : snapshot.agents) {
      const bool connected = view.state != AgentState::lost && view.state != AgentState::left;
      if (!connected) continue;  // after a restart it may have runs that it has to tell of yet
      // What it held when it was welcomed may be more than its slots.
      const std::size_t held = held_in_hello_[welcomed_on_[view.name]];
      REQUIRE(running[view.name] <= std::max<std::size_t>(view.slots, held));
      REQUIRE(running[view.name] <= view.running);
    }
  }

  void check_save(const Job& job) {
    const auto before = seen_.find(job.id);
    const bool was_final = before != seen_.end() && is_final(before->second.state);
    REQUIRE_FALSE(was_final);  // final is final
    // A crash can give two agents the same number, never one agent twice.
    std::set<std::pair<std::string, std::uint32_t>> fences;
    for (const Attempt& attempt : job.attempts) {
      REQUIRE(fences.emplace(attempt.agent, attempt.number).second);
      const bool open = job.state == JobState::running && &attempt == &job.attempts.back();
      REQUIRE((attempt.ending == Ending::none) == open);
    }
    seen_[job.id] = job;
  }

  void check_order(LinkId link, const Assign& order, const Snapshot& snapshot) {
    if (is_canary(order.id.job)) {
      ++counts_.canaries;
      for (const AgentView& view : snapshot.agents) {
        if (view.name != link_owner_[link]) continue;
        REQUIRE((view.state == AgentState::probing || holds_silence(view.name)));
        counts_.proofs += view.state != AgentState::probing;
      }
      return;
    }
    const Job& job = seen_.at(order.id.job);
    REQUIRE(job.state == JobState::running);
    REQUIRE(job.attempts.back().number == order.id.attempt);
    const PlayedAgent* taker = nullptr;
    for (const PlayedAgent& agent : agents_) {
      if (agent.name == job.attempts.back().agent) taker = &agent;
    }
    REQUIRE(taker != nullptr);
    REQUIRE(link_owner_[link] == taker->name);
    std::set<std::string> failed_on;
    for (const Attempt& attempt : job.attempts) {
      if (attempt.ending != Ending::none && attempt.ending != Ending::forgotten &&
          attempt.ending != Ending::doubted) {
        failed_on.insert(attempt.agent);
      }
    }
    for (const AgentView& view : snapshot.agents) {
      const bool has = std::any_of(view.languages.begin(), view.languages.end(),
                                   [&](const Language& l) { return l.id == job.language; });
      if (view.name == taker->name) {
        REQUIRE(has);
        REQUIRE(view.state == AgentState::active);
        REQUIRE(view.running <= view.slots);
      } else if (failed_on.contains(taker->name) && has && view.state == AgentState::active) {
        REQUIRE(failed_on.contains(view.name));  // else this one should have had it
      }
    }
  }

  bool holds_silence(const std::string& name) const {
    for (const PlayedAgent& agent : agents_) {
      if (agent.name != name) continue;
      return std::any_of(agent.held.begin(), agent.held.end(), [](const auto& entry) {
        return entry.second && entry.second->remark == Remark::silent;
      });
    }
    return false;
  }

  // ---- clients

  void submit() {
    Submit event;
    event.id = job_number(++last_job_);
    event.patience.respond_async = pick(3) == 0;
    if (pick(4) == 0) event.patience.wait_s = pick(4);
    event.language = kLanguages[pick(3)];
    event.cputime_s = 1 + pick(3);
    if (pick(4) == 0) event.idempotency_key = "name-" + std::to_string(last_job_);
    post(std::move(event));
  }

  void post(Submit event) {
    event.reply_to = ++last_request_;
    event.run_spec = std::make_shared<const std::string>(event.id.text());
    if (!event.idempotency_key.empty()) event.fingerprint = event.language;
    requests_[event.reply_to] = {.kind = Request::Kind::run,
                                 .job = event.id,
                                 .patience = event.patience,
                                 .name = event.idempotency_key};
    feed(std::move(event));
  }

  // The same request again, or another one under the same name.
  void repeat() {
    if (last_job_ == 0) return;
    const std::uint64_t number =
        last_job_ - pick(static_cast<std::uint32_t>(std::min<std::uint64_t>(last_job_, 30)));
    const auto original = seen_.find(job_number(number));
    if (original == seen_.end() || original->second.idempotency_key.empty()) return;
    Submit event;
    event.id = job_number(++last_job_);
    event.patience.respond_async = pick(2) == 0;
    event.idempotency_key = original->second.idempotency_key;
    event.language = pick(5) == 0 ? "another" : original->second.language;
    post(std::move(event));
  }

  // The HTTP front asks the store before it posts these.
  const Job* some_stored_job() {
    if (disk_.empty()) return nullptr;
    if (pick(2) == 0) {
      for (const auto& [id, job] : disk_) {
        if (seen_.at(id).state == JobState::running && pick(2) == 0) return &job;
      }
    }
    auto at = disk_.end();
    std::advance(at, -1 - static_cast<int>(pick(std::min<std::uint32_t>(
                              20, static_cast<std::uint32_t>(disk_.size())))));
    return &at->second;
  }

  void watch() {
    const Job* job = some_stored_job();
    if (job == nullptr || is_final(job->state)) return;
    const Watch event{++last_request_, job->id, {.wait_s = 1 + pick(5)}};
    requests_[event.reply_to] = {.kind = Request::Kind::watch, .job = event.job};
    feed(event);
  }

  void remove() {
    const Job* job = some_stored_job();
    if (job == nullptr) return;
    const Remove event{++last_request_, job->id, job->key, job->idempotency_key};
    requests_[event.reply_to] = {.kind = Request::Kind::remove, .job = event.job};
    deleted_.insert(event.job);
    feed(event);
  }

  void leave_as_client() {
    if (requests_.empty()) return;
    auto at = requests_.end();
    std::advance(at, -1 - static_cast<int>(pick(std::min<std::uint32_t>(
                              20, static_cast<std::uint32_t>(requests_.size())))));
    if (!at->second.connected || at->second.answers > 0) return;
    at->second.connected = false;
    feed(ClientGone{at->first});
  }

  void answer(const Answer& answer) {
    Request& request = requests_.at(answer.to);
    if (!request.connected) return;  // it left while the answer waited for its commit
    REQUIRE(++request.answers == 1);
    request.answer = answer.kind;
    if (answer.job != request.job) {
      REQUIRE_FALSE(request.name.empty());
      ++counts_.repeated;
      request.job = answer.job;
    }
    using Kind = Answer::Kind;
    const bool deleted = deleted_.contains(answer.job);
    switch (answer.kind) {
      case Kind::accepted:
        REQUIRE(request.kind == Request::Kind::run);
        REQUIRE(request.patience.takes_id());
        if (!deleted) REQUIRE(disk_.contains(answer.job));
        break;
      case Kind::result:
        REQUIRE(request.kind != Request::Kind::remove);
        REQUIRE(answer.body != nullptr);
        REQUIRE(*answer.body != kForeign);
        counts_.watched += request.kind == Request::Kind::watch;
        break;
      case Kind::pending:
        REQUIRE(request.kind == Request::Kind::watch);
        ++counts_.pending;
        break;
      case Kind::stored:
        // Asked now, the store must know.
        if (!deleted) REQUIRE(is_final(disk_.at(answer.job).state));
        break;
      case Kind::removed:
        REQUIRE(request.kind == Request::Kind::remove);
        break;
      case Kind::lacks_files:
        REQUIRE(false);  // nobody said so
        break;
      case Kind::misused:
        REQUIRE_FALSE(request.name.empty());
        break;
      case Kind::overloaded:
        REQUIRE(request.kind == Request::Kind::run);
        break;
      case Kind::unavailable:
        REQUIRE(request.kind != Request::Kind::watch);
        break;
    }
  }

  // ---- the journal

  void commit() {
    for (const Effect& effect : uncommitted_) {
      if (const auto* save = std::get_if<SaveJob>(&effect)) disk_[save->job.id] = save->job;
      if (const auto* gone = std::get_if<DeleteJob>(&effect)) disk_.erase(gone->job);
      if (const auto* save = std::get_if<SaveAgent>(&effect))
        records_[save->agent.name] = save->agent;
    }
    for (const Effect& effect : uncommitted_) {
      if (const auto* send = std::get_if<Send>(&effect)) {
        to_agent_[send->link].push_back(send->message);
      }
      if (const auto* reply = std::get_if<Answer>(&effect)) answer(*reply);
    }
    uncommitted_.clear();
  }

  void crash() {
    ++counts_.crashes;
    uncommitted_.clear();
    to_agent_.clear();
    for (auto& [to, request] : requests_) request.connected = false;
    for (PlayedAgent& agent : agents_) {
      agent.link = 0;
      agent.welcomed = false;
    }
    Restored restored;
    for (const auto& [id, job] : disk_) {
      if (!is_final(job.state)) restored.jobs.push_back(job);
      if (!job.idempotency_key.empty() && job.state != JobState::cancelled &&
          job.state != JobState::expired) {
        restored.named.push_back({id, job.key, job.idempotency_key, job.fingerprint, job.received});
      }
    }
    for (const auto& [name, record] : records_) restored.agents.push_back(record);
    seen_ = disk_;
    core_ = std::make_unique<Core>(settings_, "1.0");
    now_.mono = pick(1'000'000);  // another process, another monotonic clock
    feed(std::move(restored));
  }

  // ---- agents

  Hello hello(PlayedAgent& agent) {
    Host host{.slots = agent.slots, .languages = agent.languages, .instance = agent.instance};
    for (const auto& [id, result] : agent.held) host.held.push_back(id);
    std::size_t& most = held_in_hello_[agent.link];
    most = std::max(most, host.held.size());
    return hello_of(agent.name, host);
  }

  // On a new connection; the old one may linger at the master.
  void hello_anew(PlayedAgent& agent) {
    if (agent.silent) return;
    const LinkId old = agent.link;
    agent.link = ++last_link_;
    link_owner_[agent.link] = agent.name;
    agent.welcomed = false;
    to_agent_.erase(old);
    feed(FromAgent{agent.link, hello(agent)});
    if (old != 0 && pick(2) == 0) feed(LinkGone{old});
  }

  void hello_again(PlayedAgent& agent) {
    if (agent.link == 0 || agent.silent) return;
    tell(agent, hello(agent));
  }

  void restart_agent(PlayedAgent& agent) {
    ++agent.instance;
    agent.slots = 1 + pick(3);
    agent.languages = some_languages();
    agent.draining = false;
    if (pick(2) == 0) {
      agent.held.clear();  // else it kept its finished results on disk
    } else {
      std::erase_if(agent.held, [](const auto& entry) { return !entry.second.has_value(); });
    }
    hello_anew(agent);
  }

  void lose_link(PlayedAgent& agent) {
    const LinkId link = agent.link == 0 ? 1 + pick(100) : agent.link;
    if (link == agent.link) {
      agent.link = 0;
      agent.welcomed = false;
    }
    feed(LinkGone{link});
  }

  void leave(PlayedAgent& agent) {
    if (!agent.draining) {
      agent.draining = true;
      tell(agent, Draining{});
    } else if (agent.held.empty()) {
      tell(agent, Bye{});
      agent.link = 0;
      restart_agent(agent);
    }
  }

  void report_sandbox(PlayedAgent& agent) {
    agent.languages = some_languages();
    SandboxReport report;
    for (const auto& language : agent.languages) report.languages.push_back({language, "1"});
    if (report.languages.empty()) report.sandbox_problem = "down";
    if (agent.welcomed) tell(agent, report);
  }

  void end_a_run(PlayedAgent& agent) {
    const bool fails = agent.sick && pick(8) > 0;
    end_a_run(agent, fails ? ended(Ending::http_error) : random_ending());
  }

  void end_a_run(PlayedAgent& agent, Finished result) {
    std::vector<AttemptId> running;
    for (const auto& [id, ended] : agent.held) {
      if (!ended) running.push_back(id);
    }
    if (running.empty()) return;
    const AttemptId id = running[pick(static_cast<std::uint32_t>(running.size()))];
    if (is_canary(id.job) && (healing_ || pick(2) == 0)) {
      result = ran();
      result.body = R"({"stdout":"docket canary 42\n"})";
    }
    result.id = id;
    agent.held[id] = result;
    if (agent.welcomed && !agent.silent) tell(agent, std::move(result));
  }

  void tell_results(PlayedAgent& agent) {
    if (!agent.welcomed || agent.silent) return;
    const auto held = agent.held;
    for (const auto& [id, result] : held) {
      if (result) tell(agent, *result);
    }
  }

  // One message from the master.
  void deliver(PlayedAgent& agent) {
    auto& line = to_agent_[agent.link];
    if (agent.link == 0 || agent.silent || line.empty()) return;
    const ToAgent message = std::move(line.front());
    line.pop_front();
    std::visit([&](const auto& m) { on(agent, m); }, message);
  }

  void on(PlayedAgent& agent, const Welcome&) {
    agent.welcomed = true;
    if (agent.draining) tell(agent, Draining{});
    tell_results(agent);
  }
  void on(PlayedAgent& agent, const Refused& refused) {
    agent.welcomed = false;
    if (refused.code == Refusal::say_hello) hello_anew(agent);
  }
  void on(PlayedAgent& agent, const Assign& order) {
    if (agent.held.contains(order.id)) return;
    const bool full = agent.running() >= agent.slots;
    agent.held[order.id] = std::nullopt;
    if (full) {
      Finished expired = ended(Ending::expired);
      expired.id = order.id;
      agent.held[order.id] = expired;
      tell(agent, expired);
    } else if (pick(4) == 0) {
      tell(agent, NeedChunk{order.id, "abcdefgh", 0});
    }
  }
  void on(PlayedAgent& agent, const Taken& taken) {
    // From here on only the disk knows that it ended.
    const auto job = disk_.find(taken.id.job);
    if (job != disk_.end() && job->second.state == JobState::running) {
      const Attempt& current = job->second.attempts.back();
      REQUIRE_FALSE((current.agent == agent.name && current.number == taken.id.attempt));
    }
    agent.held.erase(taken.id);
  }
  void on(PlayedAgent& agent, const Cancel& cancel) {
    ++counts_.cancels;
    const auto held = agent.held.find(cancel.id);
    if (held == agent.held.end() || held->second || pick(3) == 0) return;
    Finished done = ended(Ending::cancelled);
    done.id = cancel.id;
    held->second = done;
    if (agent.welcomed && !agent.silent) tell(agent, std::move(done));
  }
  void on(PlayedAgent&, const Heartbeat&) {}
  void on(PlayedAgent&, const FileChunk&) {}
  void on(PlayedAgent&, const FileAbsent&) {}
  void on(PlayedAgent&, const Standing&) {}  // it never joins

  // What no agent in its right mind sends.
  void say_nonsense() {
    const LinkId link = pick(2) == 0 ? any_agent().link : 1'000'000 + pick(5);
    if (link == 0) return;
    switch (pick(5)) {
      case 0:
        return feed(BadFrame{link, "nonsense"});
      case 1: {
        Finished foreign = ran();
        foreign.id = {job_number(last_job_ + 2 - std::min<std::uint64_t>(pick(40), last_job_)), 1};
        foreign.id.attempt += pick(4);
        foreign.body = kForeign;
        const auto job = seen_.find(foreign.id.job);
        if (job != seen_.end() && job->second.state == JobState::running) {
          // Never the result of what that agent runs itself.
          if (job->second.attempts.back().agent == link_owner_[link]) return;
          foreign.id.attempt = job->second.attempts.back().number;
        }
        return feed(FromAgent{link, foreign});
      }
      case 2:
        return feed(FromAgent{link, hello_of("no such name!", {})});
      case 3: {
        Hello old = hello_of("lab-1", {});
        old.protocol = 0;
        return feed(FromAgent{link, old});
      }
      default:
        return feed(FromAgent{1'000'000 + pick(5), hello_of("stray", {.languages = {}})});
    }
  }

  bool quiet() const {
    const Snapshot snapshot = core_->snapshot(now_);
    return snapshot.queued == 0 && snapshot.running == 0 && uncommitted_.empty() &&
           std::all_of(snapshot.agents.begin(), snapshot.agents.end(),
                       [](const AgentView& view) {
                         return view.running == 0 && view.state != AgentState::quarantined &&
                                view.state != AgentState::probing;
                       }) &&
           std::all_of(agents_.begin(), agents_.end(),
                       [](const PlayedAgent& agent) { return agent.dead || agent.held.empty(); });
  }

  std::mt19937 random_;
  CoreSettings settings_;
  std::unique_ptr<Core> core_;
  Now now_{1'000'000, 1'700'000'000'000};
  std::vector<PlayedAgent> agents_;
  std::map<LinkId, std::deque<ToAgent>> to_agent_;
  std::map<LinkId, std::string> link_owner_;
  std::map<LinkId, std::size_t> held_in_hello_;
  std::map<std::string, LinkId> welcomed_on_;
  LinkId last_link_ = 0;
  std::uint64_t last_job_ = 0;

  bool healing_ = false;
  ReplyTo last_request_ = 0;
  std::map<ReplyTo, Request> requests_;
  std::set<JobId> deleted_;
  std::map<JobId, Job> seen_;  // as last said by the core
  Effects uncommitted_;
  std::map<JobId, Job> disk_;
  std::map<std::string, AgentRecord> records_;
  Counts counts_;
};

}  // namespace

TEST_SUITE("master core: random walk") {
  TEST_CASE("whatever happens, in whatever order, every client gets one answer") {
    constexpr std::uint32_t kWalks = 40;
    constexpr int kSteps = 2'500;
    Walk::Counts all;
    for (std::uint32_t seed = 1; seed <= kWalks; ++seed) {
      CAPTURE(seed);
      Walk walk(seed);
      for (int step = 0; step < kSteps; ++step) {
        CAPTURE(step);
        walk.step();
      }
      walk.heal();
      const Walk::Counts counts = walk.counts();
      all.done += counts.done;
      all.failed += counts.failed;
      all.expired += counts.expired;
      all.crashes += counts.crashes;
      all.late += counts.late;
      all.cancelled += counts.cancelled;
      all.cancels += counts.cancels;
      all.pending += counts.pending;
      all.watched += counts.watched;
      all.repeated += counts.repeated;
      all.canaries += counts.canaries;
      all.proofs += counts.proofs;
      all.doubted += counts.doubted;
    }
    // The walks went everywhere.
    CHECK(all.done > 1'000);
    CHECK(all.failed > 20);
    CHECK(all.expired > 20);
    CHECK(all.crashes > 20);
    CHECK(all.late > 100);
    CHECK(all.cancelled > 100);
    CHECK(all.cancels > 10);
    CHECK(all.pending > 20);
    CHECK(all.watched > 20);
    CHECK(all.repeated > 50);
    CHECK(all.canaries > 5);
    CHECK(all.proofs > 30);
    CHECK(all.doubted > 5);
  }
}
