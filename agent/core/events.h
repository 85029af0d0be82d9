// What can happen to the agent's core, and what it wants done. Closed sets, plain values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/messages.h"

namespace docket::agent {

// ---- events

struct FromMaster {
  ToAgent message;
};

// The sandbox's word on a run, already judged readable or not.
struct RunAnswered {
  AttemptId id;
  Ending ending = Ending::none;  // files_missing for its 404
  std::uint32_t http_status = 0;
  std::uint32_t outcome = 0;
  std::string body;  // run_id replaced
  std::string detail;
  std::string fault_signature;
  Remark remark = Remark::none;
};

// Whether the sandbox has a file; false also when it did not say.
struct FileChecked {
  std::string file;
  bool present = false;
};

struct FilePushed {
  std::string file;
  std::string problem;  // empty: the sandbox has it
};

struct Probed {
  std::vector<Language> languages;
  std::string problem;  // empty: the sandbox answered
};

// How the host fares.
struct HostSampled {
  HostReport report;
};

// Results of an earlier life that the master has not taken.
struct Recovered {
  std::vector<Finished> results;
};

// Take no more; stop when nothing is left.
struct Drain {};

using Event = std::variant<FromMaster, RunAnswered, FileChecked, FilePushed, Probed, HostSampled,
                           Recovered, Drain>;

// ---- effects

struct SendToMaster {
  ToMaster message;
};

// Begin a new connection: the old one is dead or forgotten.
struct Reconnect {};

struct PostRun {
  AttemptId id;
  std::string body;
  std::uint32_t timeout_ms = 0;
};

// Ask the sandbox whether it has the file.
struct CheckFile {
  std::string file;
};

struct PutFile {
  std::string file;
  std::string content;
  std::uint32_t timeout_ms = 0;
};

struct Probe {};

// Tell by HostSampled how the host fares.
struct SampleHost {};

// Keep on disk until Unspool.
struct Spool {
  Finished result;
};

struct Unspool {
  AttemptId id;
};

struct Note {
  enum class Level { info, warn };
  Level level = Level::info;
  std::string text;
};

// The master has welcomed the agent for the first time.
struct Ready {};

// Drained: nothing is left to do.
struct Stop {};

using Effect = std::variant<SendToMaster, Reconnect, PostRun, CheckFile, PutFile, Probe, SampleHost,
                            Spool, Unspool, Note, Ready, Stop>;
using Effects = std::vector<Effect>;

}  // namespace docket::agent
