// What can happen to the master's core, and what it wants done. Closed sets, plain values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "master/core/access.h"
#include "master/core/agent_key.h"
#include "master/core/api_key.h"
#include "master/core/audit.h"
#include "master/core/job.h"
#include "master/core/settings.h"
#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket {

struct Why;

using ReplyTo = std::uint64_t;  // an open request of the HTTP front; opaque here
using LinkId = std::uint64_t;   // one connection of an agent; never reused, never 0

// What an operator wants of an agent.
enum class Hold : std::uint8_t {
  none = 0,
  cordon = 1,  // take nothing new
  drain = 2,   // take nothing new, and say when nothing runs there any more
};
inline constexpr Hold kLastHold = Hold::drain;

// An agent as the store keeps it over restarts: languages stay known while it is away, and an
// operator's word stands.
struct AgentRecord {
  std::string name;
  std::uint32_t slots = 0;
  std::uint32_t weight_percent = 100;
  std::vector<Language> languages;
  Hold hold = Hold::none;
  std::string hold_reason;
  std::vector<std::string> tags;
};

// How long a client wants to wait for a result (RFC 7240's respond-async and wait).
struct Patience {
  bool respond_async = false;
  std::optional<std::uint32_t> wait_s;

  // It takes the run's id instead of the result when that does not come in time.
  bool takes_id() const { return respond_async || wait_s.has_value(); }
  MonoMs until(MonoMs now) const {
    return takes_id() ? now + MonoMs{1'000} * wait_s.value_or(0) : kNever;
  }
};

// ---- events

// A validated request to run something.
struct Submit {
  JobId id;
  ReplyTo reply_to = 0;
  Patience patience;
  std::string key;              // name of its API key; empty: none
  std::string idempotency_key;  // empty: none
  std::string fingerprint;      // of the run_spec, when it has an idempotency key
  std::string language;
  std::string client_job;
  std::uint32_t cputime_s = kDefaultCputimeSeconds;
  std::uint32_t wall_ms = 2'000 * kDefaultCputimeSeconds;  // the sandbox's limit by the clock
  std::vector<std::string> files;
  FileHold hold;  // of those files
  Bytes run_spec;
  bool lacks_files = false;  // nothing holds them: it can only be a request made before
};

// A client asks for a job it was told of, and waits. The store was asked first and had no result.
struct Watch {
  ReplyTo reply_to = 0;
  JobId job;
  Patience patience;
};

// A client wants a job of the store gone: cancelled if it lives, deleted if it has ended.
struct Remove {
  ReplyTo reply_to = 0;
  JobId job;
  std::string key;              // name of the API key it came with, as the store says
  std::string idempotency_key;  // likewise
};

// The client of an open request has left; its answer would reach nobody.
struct ClientGone {
  ReplyTo reply_to = 0;
};

// An operator's commands.
struct CancelRun {
  ReplyTo reply_to = 0;
  JobId job;
};
struct HoldAgent {
  ReplyTo reply_to = 0;
  std::string name;
  Hold hold = Hold::none;  // none: let it take work again, out of quarantine too
  std::string reason;
  std::optional<std::uint32_t> deadline_s;  // then what still runs there goes elsewhere
};
// Sends it a canary in each of its languages, whatever its state, and decides nothing by them: the
// answer says only that it has begun. conflict when it is not connected, or under way already.
struct TestAgent {
  ReplyTo reply_to = 0;
  std::string name;
};
// Somebody asks why a job is where it is.
struct Explain {
  ReplyTo reply_to = 0;
  JobId job;
};
struct CreateKey {
  ReplyTo reply_to = 0;
  ApiKey key;
};
struct RevokeKey {
  ReplyTo reply_to = 0;
  std::string name;
};

// Lets hosts join. `answer` is what the front tells its client when that has been done.
struct CreateJoinToken {
  ReplyTo reply_to = 0;
  JoinTokenRecord token;
  std::string answer;
};
// No host joins by it any more; `id` is what it begins with.
struct RevokeJoinToken {
  ReplyTo reply_to = 0;
  std::string id;
};
// Lets a host that awaits approval onto the link; `who` is its name or its key's fingerprint.
struct ApproveAgent {
  ReplyTo reply_to = 0;
  std::string who;
};
// Revokes an agent's key and forgets it. conflict while something runs there, unless `at_once`:
// what runs then goes to other hosts, whatever the agent says of it.
struct RemoveAgent {
  ReplyTo reply_to = 0;
  std::string name;
  bool at_once = false;
};
// Tokens of the operations listener.
struct GrantAccess {
  ReplyTo reply_to = 0;
  AccessToken token;
};
struct RevokeAccess {
  ReplyTo reply_to = 0;
  std::string name;
};
// What finished jobs ended before that moment submitted and printed is to be forgotten.
struct PurgeBodies {
  ReplyTo reply_to = 0;
  WallMs before = 0;
};
// Something was done that is no command to the core.
struct Record {
  AuditEntry entry;
};

struct FromAgent {
  LinkId link = 0;
  ToMaster message;
  std::string key = {};  // the public key that its connection proved; empty: the link is plain
};

// A frame came that is no message of ours.
struct BadFrame {
  LinkId link = 0;
  std::string problem;
};

// A send found the connection gone.
struct LinkGone {
  LinkId link = 0;
};

// What the store held when the master started. Comes once, first.
struct Restored {
  // A job, perhaps final, whose client named its request.
  struct Named {
    JobId job;
    std::string key;
    std::string idempotency_key;
    std::string fingerprint;
    WallMs received = 0;
  };
  std::vector<Job> jobs;  // none of them final
  std::vector<AgentRecord> agents;
  std::vector<ApiKey> keys;
  std::vector<AgentKey> agent_keys;
  std::vector<JoinTokenRecord> tokens;
  std::vector<AccessToken> access;
  std::vector<Named> named;         // in order of arrival
  std::map<JobId, FileHold> holds;  // of their files, where all are still there
};

// The journal cannot write, or can again (empty).
struct StoreProblem {
  std::string problem;
};

// The settings have changed. Rhythms must stay, because agents and leases go by them.
struct Reconfigure {
  CoreSettings settings;
};

// The master is stopping: nobody else is let in; who watches an asynchronous run is sent away.
struct StopAccepting {};

using Event =
    std::variant<Submit, Watch, Remove, ClientGone, CancelRun, HoldAgent, TestAgent, CreateKey,
                 RevokeKey, CreateJoinToken, RevokeJoinToken, ApproveAgent, RemoveAgent,
                 GrantAccess, RevokeAccess, PurgeBodies, Record, Explain, FromAgent, BadFrame,
                 LinkGone, Restored, StoreProblem, Reconfigure, StopAccepting>;

// ---- effects

struct SaveJob {
  Job job;
};

struct DeleteJob {
  JobId job;
};

struct SaveAgent {
  AgentRecord agent;
};

struct SaveKey {
  ApiKey key;
};

struct DeleteKey {
  std::string name;
};

struct SaveAgentKey {
  AgentKey key;
};

// What is kept of an agent, its key too.
struct DeleteAgent {
  std::string name;
};

struct SaveJoinToken {
  JoinTokenRecord token;
};

struct DeleteJoinToken {
  std::string id;
};

struct SaveAccess {
  AccessToken token;
};

struct DeleteAccess {
  std::string name;
};

struct SaveAudit {
  AuditEntry entry;
};

// Carried out in small steps, as soon as commits leave time for it, also after a restart.
struct SavePurge {
  WallMs before = 0;
};

// From now on only these may begin a connection.
struct AdmitKeys {
  std::shared_ptr<const LinkKeys> keys;
};

struct Send {
  LinkId link = 0;
  ToAgent message;
  bool after_commit = false;  // hold it until this turn's saves are on disk
};

// Read this piece of a file and send it to the agent.
struct SendChunk {
  LinkId link = 0;
  AttemptId id;
  std::string file;
  std::uint64_t offset = 0;
};

// Answer a waiting request of Jobe's API. What waits_for_commit() is sent once this turn's saves,
// and all before them, are on disk.
struct Answer {
  enum class Kind {
    accepted,     // the run's id
    result,       // http_status and body
    pending,      // no result yet
    stored,       // the job has ended: the store knows
    removed,      // cancelled or deleted
    lacks_files,  // the store does not have them all
    misused,      // its idempotency key stands for another request
    overloaded,   // a bound is reached; reason
    unavailable,  // nothing is accepted now; reason
  };
  ReplyTo to = 0;
  Kind kind = Kind::result;
  JobId job;
  int http_status = 200;
  Bytes body = nullptr;
  std::string reason = {};  // for people
  Patience patience = {};
};

// It promises something that must be on disk first.
constexpr bool waits_for_commit(Answer::Kind kind) {
  switch (kind) {
    case Answer::Kind::accepted:
    case Answer::Kind::result:
    case Answer::Kind::stored:
    case Answer::Kind::removed:
      return true;
    case Answer::Kind::pending:
    case Answer::Kind::lacks_files:
    case Answer::Kind::misused:
    case Answer::Kind::overloaded:
    case Answer::Kind::unavailable:
      return false;
  }
  return true;
}

// An operator's command was carried out, or why not. Sent once this turn's saves are on disk.
struct CommandDone {
  ReplyTo to = 0;
  std::optional<Error> error;
  std::string answer = {};  // what the command said should be told; empty: nothing
};

// Why a job is where it is; nothing when it is not among the unfinished ones.
struct Explained {
  ReplyTo to = 0;
  JobId job;
  std::shared_ptr<const Why> why;
};

// Something worth a line in the log.
struct Note {
  enum class Level { info, warn };
  Level level = Level::info;
  std::string text;  // key=value pairs
};

using Effect =
    std::variant<SaveJob, DeleteJob, SaveAgent, SaveKey, DeleteKey, SaveAgentKey, DeleteAgent,
                 SaveJoinToken, DeleteJoinToken, SaveAccess, DeleteAccess, SaveAudit, SavePurge,
                 AdmitKeys, Send, SendChunk, Answer, CommandDone, Explained, Note>;
using Effects = std::vector<Effect>;

}  // namespace docket
