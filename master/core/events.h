// What can happen to the master's core, and what it wants done. Closed sets, plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "master/core/job.h"
#include "master/core/settings.h"
#include "protocol/messages.h"

namespace docket {

using ReplyTo = std::uint64_t;  // an open request of the HTTP front; opaque here
using LinkId = std::uint64_t;   // one connection of an agent; never reused, never 0

// An agent as the store keeps it over restarts: languages stay known while it is away.
struct AgentRecord {
  std::string name;
  std::uint32_t slots = 0;
  std::uint32_t weight_percent = 100;
  std::vector<Language> languages;
};

// ---- events

// A validated request to run something.
struct Submit {
  JobId id;
  ReplyTo reply_to = 0;
  bool asynchronous = false;
  std::string language;
  std::string client_job;
  std::uint32_t cputime_s = kDefaultCputimeSeconds;
  std::vector<std::string> files;
  FileHold hold;  // of those files
  Bytes run_spec;
};

struct FromAgent {
  LinkId link = 0;
  ToMaster message;
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
  std::vector<Job> jobs;  // none of them final
  std::vector<AgentRecord> agents;
  std::map<JobId, FileHold> holds;  // of their files, where all are still there
};

// The journal cannot write, or can again (empty).
struct StoreProblem {
  std::string problem;
};

// The master is stopping: accept nothing more.
struct StopAccepting {};

using Event =
    std::variant<Submit, FromAgent, BadFrame, LinkGone, Restored, StoreProblem, StopAccepting>;

// ---- effects

struct SaveJob {
  Job job;
};

struct SaveAgent {
  AgentRecord agent;
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

// Answer a waiting request. Sent once this turn's saves are on disk.
struct Answer {
  enum class Kind { accepted, result, overloaded, unavailable };
  ReplyTo to = 0;
  Kind kind = Kind::result;
  JobId job;
  int http_status = 200;
  Bytes body;          // when kind is result
  std::string reason;  // when overloaded or unavailable, for people
};

// Something worth a line in the log.
struct Note {
  enum class Level { info, warn };
  Level level = Level::info;
  std::string text;  // key=value pairs
};

using Effect = std::variant<SaveJob, SaveAgent, Send, SendChunk, Answer, Note>;
using Effects = std::vector<Effect>;

}  // namespace docket
