// The master's decisions: a function of events and time. step() and tick() return what is to be
// done as data; nothing here sleeps, sends, writes or logs. Owned by the loop's thread.
//
// Invariants: a live job is either waiting in the queue, waiting out a retry delay, or running as
// exactly one (agent, attempt); an agent never holds more attempts than slots, except those it held
// when it connected; a job leaves the core only together with the SaveJob that makes it final.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "master/core/agents.h"
#include "master/core/counters.h"
#include "master/core/events.h"
#include "master/core/history.h"
#include "master/core/idempotency.h"
#include "master/core/placement.h"
#include "master/core/queue.h"
#include "master/core/settings.h"
#include "master/core/snapshot.h"
#include "master/core/waiters.h"
#include "master/core/why.h"

namespace docket {

class Core {
 public:
  Core(CoreSettings settings, std::string version);

  // Both append what is to be done, in order, to `out`.
  void step(Event&& event, Now now, Effects& out);
  void tick(Now now, Effects& out);
  // When tick() has something to do next; it may be called earlier without harm.
  MonoMs next_deadline() const;

  Snapshot snapshot(Now now) const;
  // No client waits for an answer of this process.
  bool nobody_waits() const { return waiting_.size() == 0; }

 private:
  struct LiveJob {
    Job job;
    FileHold hold;  // its files stay in the store until it leaves the core
    Ticket ticket = 0;
    std::vector<ReplyTo> waiters;    // details in waiting_
    MonoMs came = 0;                 // when this process first had it
    MonoMs wait_until = 0;           // the end of its patience in the queue
    MonoMs deadline = 0;             // its entry in deadlines_
    bool delayed = false;            // queued, but not in the queue until its deadline
    MonoMs room_until = 0;           // until then it goes only where there is room; 0: anywhere
    std::string doubted_on;          // where there was none
    std::vector<std::string> tags;   // that its key required when it came
    std::uint32_t wall_ms = 0;       // Jobe's limit by the clock; 0: not known
    std::uint32_t highest_seen = 0;  // attempt that an agent held, perhaps one not known here
    std::uint32_t counted = 0;       // attempts that ended by a host's fault
    std::vector<std::string> tried;  // their agents
    Program program = 0;
    std::map<std::string, std::string> faults;  // how it failed, by agent
  };

  // core_clients.cc
  void on(Submit& event, Now now, Effects& out);
  void on(Watch& event, Now now, Effects& out);
  void on(Remove& event, Now now, Effects& out);
  void on(ClientGone& event, Now now, Effects& out);
  void on(CancelRun& event, Now now, Effects& out);
  void on(HoldAgent& event, Now now, Effects& out);
  void on(TestAgent& event, Now now, Effects& out);
  void on(CreateKey& event, Now now, Effects& out);
  void on(RevokeKey& event, Now now, Effects& out);
  // Why a run cannot be taken, or nothing.
  std::optional<Answer> refusal_of(const Submit& event, Now now);
  // True when the request is one that was made before; then it is answered, or waits.
  bool repeats(const Submit& event, Now now, Effects& out);
  void wait_for(LiveJob& job, ReplyTo to, const Patience& patience, bool watches, Now now,
                Effects& out);
  void end_wait(ReplyTo to, Effects& out);
  void tell_id(LiveJob& job, ReplyTo to, const Patience& patience, Effects& out);
  // Somebody has its id, waits for it, or may ask for it by its idempotency key.
  static bool wanted(const LiveJob& job);
  void cancel(LiveJob& job, const std::string& why, Now now, Effects& out);
  // The client's name for the job's request is free again.
  void forget_name(const LiveJob& job);
  // Why a command that must be saved is refused, or nothing.
  std::optional<Error> cannot_save() const;
  void publish_keys();

  // core_joins.cc
  void on(CreateJoinToken& event, Now now, Effects& out);
  void on(RevokeJoinToken& event, Now now, Effects& out);
  void on(ApproveAgent& event, Now now, Effects& out);
  void on(RemoveAgent& event, Now now, Effects& out);
  void restore_keys(Restored& event, Now now, Effects& out);
  // Join and Leave; true when the message was one of them.
  bool admits(FromAgent& event, Now now, Effects& out);
  Standing on_join(const std::string& token_key, Join& join, Now now, Effects& out);
  Standing on_leave(const std::string& key, Now now, Effects& out);
  // Why a host that has a token may not join under this name, or nothing.
  std::optional<std::string> join_obstacle(const JoinTokenRecord& token, const Join& join,
                                           Now now) const;
  bool may_speak_for(const std::string& key, const std::string& name) const;
  AgentKey* key_of(const std::string& name);
  // Its canaries have passed, or an operator wants it to work.
  void trust(const Agent& agent, Effects& out);
  void forget_agent(const std::string& name, const std::string& why, Now now, Effects& out);
  void forget_spent_tokens(Now now, Effects& out);
  // One by which nobody can join any more, so that there is room for another.
  void forget_used_token(Now now, Effects& out);
  void admit_keys(Effects& out);

  void on(FromAgent& event, Now now, Effects& out);
  void on(BadFrame& event, Now now, Effects& out);
  void on(LinkGone& event, Now now, Effects& out);
  void on(Restored& event, Now now, Effects& out);
  void restore(Job&& job, FileHold hold, Now now, Effects& out);
  void on(StoreProblem& event, Now now, Effects& out);
  void on(Reconfigure& event, Now now, Effects& out);
  void on(StopAccepting& event, Now now, Effects& out);

  // core_access.cc
  void on(GrantAccess& event, Now now, Effects& out);
  void on(RevokeAccess& event, Now now, Effects& out);
  void on(PurgeBodies& event, Now now, Effects& out);
  void on(Record& event, Now now, Effects& out);

  // core_why.cc
  void on(Explain& event, Now now, Effects& out);
  Why why(const LiveJob& job, Now now) const;
  // Some agent has both.
  bool meet(const std::string& language, const std::string& other) const;

  // core_agents.cc
  void on_hello(LinkId link, const std::string& key, Hello& hello, Now now, Effects& out);
  // Why it is refused, or nothing.
  std::optional<Refused> hello_refusal(const std::string& key, const Hello& hello) const;
  void on_message(Agent& agent, Hello& message, Now now, Effects& out);
  void on_message(Agent& agent, Join& message, Now now, Effects& out);
  void on_message(Agent& agent, Leave& message, Now now, Effects& out);
  void on_message(Agent& agent, Heartbeat& message, Now now, Effects& out);
  void on_message(Agent& agent, SandboxReport& message, Now now, Effects& out);
  void on_message(Agent& agent, HostReport& message, Now now, Effects& out);
  void on_message(Agent& agent, NeedChunk& message, Now now, Effects& out);
  void on_message(Agent& agent, Finished& message, Now now, Effects& out);
  // Judges what became of an attempt.
  void conclude(Agent& agent, Finished& message, Now now, Effects& out);
  void on_message(Agent& agent, Draining& message, Now now, Effects& out);
  void on_message(Agent& agent, Bye& message, Now now, Effects& out);
  void learn_host(Agent& agent, const HostReport& message, Effects& out);
  void welcome(Agent& agent, std::uint32_t protocol, Now now, Effects& out);
  void refuse(LinkId link, Refusal code, std::string reason, Effects& out);
  void reconcile_held(Agent& agent, const std::vector<AttemptId>& held, Now now, Effects& out);
  void set_state(Agent& agent, AgentState state, std::string reason, Now now, Effects& out);
  void learn_languages(Agent& agent, std::vector<Language> languages, std::string problem,
                       Effects& out);
  // The state of a connected agent that nothing else is to be said of.
  void settle(Agent& agent, Now now, Effects& out);
  // Gives what runs there to others, at an operator's deadline.
  void evict(Agent& agent, Now now, Effects& out);
  void lose(Agent& agent, AgentState state, Ending ending, const std::string& reason, Now now,
            Effects& out);
  // Ends the attempts it was thought to run and does not hold, and tries their jobs again; where
  // their programs may run on, their slots stay taken.
  void take_back(Agent& agent, Ending ending, const std::string& why, bool may_run_on, Now now,
                 Effects& out);
  void check_agents(Now now, Effects& out);
  void send(Agent& agent, ToAgent message, Now now, Effects& out, bool after_commit = false);

  // core_health.cc
  void record_good(Agent& agent, const LiveJob& job, Effects& out);
  void record_fault(Agent& agent, Program program, const std::string& what, Now now, Effects& out);
  // True when the job failed in this way on another host, and both are above suspicion.
  bool own_fault(LiveJob& job, Agent& agent, const Finished& finished);
  // Nobody else runs one of its languages, for all jobs or for those of a key that requires tags.
  bool last_of_a_language(const Agent& agent, bool suspects_serve) const;
  void degrade(Agent& agent, const std::string& why, Effects& out);
  void judge_health(Agent& agent, const std::string& what, Now now, Effects& out);
  void check_quarantine(Agent& agent, Now now, Effects& out);

  // core_doubts.cc
  // Less time than this, and a program of the job cannot have been ended by Jobe's clock.
  std::uint32_t by_clock_ms(const LiveJob& job, const Agent& agent, const Finished& finished) const;
  static void learn_least(Agent& agent, const std::string& language, const Finished& finished);
  // An answer is doubted once: the second one is told, whatever it is.
  bool may_doubt(const LiveJob& job) const;
  void doubt(LiveJob& job, Agent& agent, const Finished& finished, Now now, Effects& out);
  // It may wait for room again, after a restart.
  void await_room(LiveJob& job, Now now);
  void check_crowd(Agent& agent, Now now, Effects& out);

  // core_canaries.cc
  void begin_probe(Agent& agent, Now now, Effects& out);
  void go_on_probing(Agent& agent, Now now, Effects& out);
  // True when the answer is silent and is kept until a canary shows whose silence it is.
  bool hold_back(Agent& agent, Finished& finished, Now now, Effects& out);
  void prove_output(Agent& agent, Now now, Effects& out);
  // Their leases have ended well; they must not end for waiting here.
  void give_time_to_prove(Agent& agent, Now now);
  void send_canary(Agent& agent, const std::string& language, Now now, Effects& out);
  void on_canary(Agent& agent, const Finished& finished, Now now, Effects& out);
  // `problem` is empty when it printed what it must.
  void end_canary(Agent& agent, const std::string& problem, Now now, Effects& out);
  void fail_probe(Agent& agent, const std::string& problem, Now now, Effects& out);
  // The next canary of the test that an operator asked for, when a slot is free for it.
  void go_on_testing(Agent& agent, Now now, Effects& out);
  // What it had yet to prove is void: its connection is new or gone, and it will tell again.
  static void forget_canary(Agent& agent);

  // core_jobs.cc
  LiveJob* live(const JobId& id);
  bool runs_as(const LiveJob& job, const std::string& agent, std::uint32_t attempt) const;
  void enqueue(LiveJob& job);
  void dequeue(LiveJob& job);
  void set_deadline(LiveJob& job, MonoMs at);
  void dispatch(Now now, Effects& out);
  Demand demand_of(const LiveJob& job) const;
  std::vector<std::string> tags_of(const std::string& key) const;
  void charge(const LiveJob& job, const Queue::Taken& taken);
  // What a key is charged for a job in the language, ms for each unit of its weight.
  double cost_of(const std::string& language, const std::string& key) const;
  void assign(LiveJob& job, Agent& agent, Now now, Effects& out);
  void adopt(LiveJob& job, Agent& agent, std::uint32_t attempt, Now now);
  // Counts afresh, from its attempts, those that ended by a host's fault and their agents.
  static void recount(LiveJob& job);
  void end_attempt(LiveJob& job, Ending ending, const std::string& detail, Now now);
  // The attempt's program may run on: its slot stays taken until its limits have passed. `told`:
  // the agent itself said so.
  void keep_slot(Agent& agent, const AttemptId& id, std::uint32_t cputime_s, bool told, Now now);
  // After an attempt that gave no answer: back to the queue, or failed after too many.
  void retry(LiveJob& job, Now now, Effects& out);
  void finish(LiveJob& job, JobState state, int http_status, std::uint32_t outcome, Bytes result,
              Now now, Effects& out);
  void on_deadline(LiveJob& job, Now now, Effects& out);
  void learn_duration(const std::string& language, std::uint32_t run_ms);

  ClusterSample sample(Now now) const;

  CoreSettings settings_;
  const std::string version_;
  bool stopping_ = false;
  std::string store_problem_;

  Agents agents_;
  MonoMs next_agents_check_ = 0;
  MonoMs last_tick_ = kNever;
  std::uint64_t assignments_ = 0;
  std::uint64_t placements_ = 0;
  std::uint64_t canaries_ = 0;
  std::set<std::string> known_languages_;
  std::map<std::string, AgentKey> agent_keys_;     // by the agent's name
  std::map<std::string, JoinTokenRecord> tokens_;  // by id
  std::uint64_t refused_peers_ = 0;

  std::unordered_map<JobId, LiveJob> jobs_;
  std::set<std::pair<MonoMs, JobId>> deadlines_;  // one entry a live job
  Queue queue_;
  std::unordered_map<std::string, double> expected_ms_;  // how long runs take, by language
  Ticket next_ticket_ = 1;
  std::size_t queued_ = 0;
  std::size_t queued_bytes_ = 0;
  std::unordered_map<std::string, std::size_t> queued_by_key_;
  Waiters waiting_;
  Idempotency names_;
  std::map<std::string, ApiKey> keys_;         // by name
  std::shared_ptr<const ApiKeys> shown_keys_;  // the same, as the HTTP front reads them
  std::shared_ptr<const AccessTokens> access_;

  std::uint64_t submitted_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t late_results_ = 0;
  std::uint64_t refused_ = 0;
  std::string last_refusal_;
  WallMs last_refused_ = 0;
  std::uint64_t expired_ = 0;
  Counters counters_;
  RecentJobs recent_;
  HistoryKeeper history_;
};

// "job=ID", with the client's own number where it sent one: how log lines begin.
std::string log_name(const Job& job);

// The body a client gets for a job that Docket itself ended: Jobe's form, outcome 20 or 21.
std::string own_result(const JobId& id, Outcome outcome, const std::string& text);
Bytes cancelled_result(const JobId& id, const std::string& why);

}  // namespace docket
