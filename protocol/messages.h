// Everything that master and agent say to each other. Closed sets: a new message does not compile
// until every reader handles it. protocol/README.md is the contract; codec.h puts these on the
// wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/job.h"

namespace docket {

// What this program speaks, and the oldest that it understands: its own version and the one before,
// so that hosts can be upgraded one after the other.
inline constexpr std::uint32_t kProtocolVersion = 2;
inline constexpr std::uint32_t kOldestProtocol = kProtocolVersion - 1;

// The newest version that this program and a peer have in common; 0: none. A peer that does not
// tell its oldest (0) speaks one version alone.
std::uint32_t common_protocol(std::uint32_t newest, std::uint32_t oldest);

// Bounds on the wire. Both ends refuse to decode beyond them; ZeroMQ drops frames over the first.
inline constexpr std::size_t kMaxFrameBytes = 40u << 20;   // the largest body and some room
inline constexpr std::size_t kMaxBodyBytes = 32u << 20;    // a run_spec, or a sandbox's answer
inline constexpr std::size_t kMaxChunkBytes = 256u << 10;  // files travel in pieces of this size
inline constexpr std::size_t kMaxFileBytes = 64u << 20;    // one support file, decoded
inline constexpr std::size_t kMaxNameBytes = 128;          // names, versions, ids of files
inline constexpr std::size_t kMaxTextBytes = 4096;         // reasons and details for people
inline constexpr std::size_t kMaxLanguages = 256;
inline constexpr std::size_t kMaxFilesPerJob = 1024;
inline constexpr std::size_t kMaxSlots = 1024;
inline constexpr std::size_t kMaxTags = 32;  // of one agent, or asked for by one key
inline constexpr std::uint32_t kMaxCores = 65536;
inline constexpr std::uint32_t kMaxLoadPercent = 1'000'000;
inline constexpr std::size_t kMaxHeldAttempts = 65536;  // running, or finished and not taken

// 1 to 64 letters, digits, '-', '_' or '.': it stands in logs, file names and URLs. Agents, keys
// and tags have such names.
bool acceptable_agent_name(std::string_view name);

// ---- both ways

// Any traffic proves life; this is sent when there is none.
struct Heartbeat {
  MonoMs sender_ms = 0;  // the sender's monotonic clock; an agent learns the master's from it
  bool operator==(const Heartbeat&) const = default;
};

// ---- agent to master

// How the host fares, told every few seconds, and in Hello.
struct HostReport {
  std::uint32_t cores = 0;         // 1..65536; in Hello 0: not known yet
  std::uint32_t load_percent = 0;  // tasks that run or want to: 100 is one for each core
  std::uint64_t free_memory_mb = 0;
  std::uint64_t free_disk_mb = 0;  // where the sandbox works
  WallMs wall_ms = 0;              // the host's clock; 0, as in Hello: not told
  bool operator==(const HostReport&) const = default;
};

// The first message of a connection, repeated until it is answered.
struct Hello {
  std::uint32_t protocol = kProtocolVersion;  // the newest that it speaks
  std::string name;
  std::uint64_t instance = 0;  // random for each start of the agent
  std::string version;
  std::uint32_t slots = 0;           // 1..kMaxSlots
  std::uint32_t weight_percent = 0;  // 100 is a host of ordinary speed; 1..10000
  std::vector<Language> languages;
  std::string sandbox_problem;    // why no language can be run just now; empty when all is well
  std::vector<AttemptId> held;    // attempts running here, or finished and not yet taken
  std::vector<std::string> tags;  // what its admin says of it: "exam", "gpu"
  HostReport host;
  std::uint32_t oldest_protocol = 0;  // that it understands; 0: no other than `protocol`
  bool operator==(const Hello&) const = default;
};

// Said with a token's key, instead of Hello: let the key below speak for this name. Answered with
// Standing. With dry_run nothing changes, and a host may say it with its own key too: would it be
// let in?
struct Join {
  std::uint32_t protocol = kProtocolVersion;
  std::string name;
  std::string public_key;  // the host's own
  std::string version;
  std::uint8_t dry_run = 0;  // 1: only tell what would be answered
  bool operator==(const Join&) const = default;
};

// Said with the agent's own key, while it does not run: forget it and its key. Answered with
// Standing.
struct Leave {
  bool operator==(const Leave&) const = default;
};

// The sandbox's languages changed, or it went away or came back.
struct SandboxReport {
  std::vector<Language> languages;
  std::string sandbox_problem;
  bool operator==(const SandboxReport&) const = default;
};

// Send me the file's bytes from this offset on, kMaxChunkBytes or what is left. Answered with
// FileChunk or FileAbsent.
struct NeedChunk {
  AttemptId id;
  std::string file;
  std::uint64_t offset = 0;
  bool operator==(const NeedChunk&) const = default;
};

// What the agent read in a sandbox's answer beside its outcome. Such an answer may be the program's
// own doing, or its host's.
enum class Remark : std::uint8_t {
  none = 0,
  silent = 1,           // outcome 15 without a byte of text
  compile_time_up = 2,  // outcome 11 because the compiler was killed for its time
};

// What became of an attempt. The agent repeats it until Taken.
struct Finished {
  AttemptId id;
  Ending ending = Ending::none;
  std::uint32_t http_status = 0;   // 0: none came
  std::uint32_t outcome = 0;       // Jobe's number when ending is ran, else 0
  std::string body;                // the sandbox's answer, run_id replaced by the job's id
  std::string detail;              // for people: what exactly went wrong; empty when nothing did
  std::string fault_signature;     // the sandbox's own complaint found in the answer, or empty
  std::uint32_t push_ms = 0;       // time for files
  std::uint32_t run_ms = 0;        // time from the first POST to its last answer
  std::uint32_t load_percent = 0;  // the host's mean load meanwhile; 0: not measured
  Remark remark = Remark::none;
  bool operator==(const Finished&) const = default;
};

// Give me no more; what runs here goes on.
struct Draining {
  bool operator==(const Draining&) const = default;
};

// The agent leaves and holds nothing.
struct Bye {
  bool operator==(const Bye&) const = default;
};

// ---- master to agent

struct Welcome {
  std::uint32_t protocol = kProtocolVersion;  // that both will speak
  std::string version;
  MonoMs master_ms = 0;            // the master's monotonic clock
  std::uint32_t heartbeat_ms = 0;  // send something at least this often
  std::uint32_t silence_ms = 0;    // after so long without a word the other side is gone
  bool operator==(const Welcome&) const = default;
};

enum class Refusal : std::uint8_t {
  protocol_version = 1,  // final until one side is upgraded
  name_in_use = 2,       // another live agent has this name; it may be the agent's own past life
  bad_hello = 3,         // the hello is not acceptable; the reason says why
  say_hello = 4,         // the master does not know this connection: begin anew
};

struct Refused {
  Refusal code = Refusal::bad_hello;
  std::string reason;  // for people
  bool operator==(const Refused&) const = default;
};

// What the master makes of a Join or a Leave.
struct Standing {
  enum class Code : std::uint8_t {
    joined = 1,
    awaiting = 2,  // an operator must approve the key first
    refused = 3,   // the reason says why; nothing has changed
    left = 4,
  };
  Code code = Code::refused;
  std::string reason;             // for people
  std::vector<std::string> tags;  // that the token gives its agents
  std::string version;            // the master's
  WallMs wall_ms = 0;             // the master's wall clock; 0: not told
  bool operator==(const Standing&) const = default;
};

struct Assign {
  AttemptId id;
  MonoMs expires_ms = 0;       // by the master's clock: later, do not start it
  std::uint32_t lease_ms = 0;  // from its arrival: answer within this
  std::string language;
  std::vector<std::string> files;  // ids of the support files it names
  std::string body;                // what to POST to the sandbox, byte for byte
  bool operator==(const Assign&) const = default;
};

struct FileChunk {
  AttemptId id;
  std::string file;
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  std::string data;           // decoded content, at most kMaxChunkBytes
  std::uint64_t version = 0;  // another one: another content, even if it is as long
  bool operator==(const FileChunk&) const = default;
};

// The master has no such file, or the attempt has no right to it (any more).
struct FileAbsent {
  AttemptId id;
  std::string file;
  bool operator==(const FileAbsent&) const = default;
};

// The result is the master's now: forget it.
struct Taken {
  AttemptId id;
  bool operator==(const Taken&) const = default;
};

// Nobody wants the result any more. Jobe cannot stop a program: the agent reports the attempt with
// the ending `cancelled` when the sandbox is done with it, so that its slot is free in truth.
struct Cancel {
  AttemptId id;
  bool operator==(const Cancel&) const = default;
};

using ToMaster = std::variant<Hello, Heartbeat, SandboxReport, HostReport, NeedChunk, Finished,
                              Draining, Bye, Join, Leave>;
using ToAgent = std::variant<Welcome, Refused, Heartbeat, Assign, FileChunk, FileAbsent, Taken,
                             Cancel, Standing>;

}  // namespace docket
