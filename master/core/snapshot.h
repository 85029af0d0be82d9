// What the master looks like at one moment, for the page, the command line and the HTTP front.
// Made by the loop, read by any thread, never changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "master/core/access.h"
#include "master/core/agent_key.h"
#include "master/core/api_key.h"
#include "master/core/counters.h"
#include "master/core/history.h"
#include "protocol/messages.h"

namespace docket {

enum class AgentState : std::uint8_t {
  active,
  suspect,
  quarantined,
  probing,
  cordoned,
  draining,
  drained,
  lost,
  left
};
inline constexpr AgentState kLastAgentState = AgentState::left;

constexpr std::string_view agent_state_name(AgentState state) {
  switch (state) {
    case AgentState::active:
      return "active";
    case AgentState::suspect:
      return "suspect";
    case AgentState::quarantined:
      return "quarantined";
    case AgentState::probing:
      return "probing";
    case AgentState::cordoned:
      return "cordoned";
    case AgentState::draining:
      return "draining";
    case AgentState::drained:
      return "drained";
    case AgentState::lost:
      return "lost";
    case AgentState::left:
      return "left";
  }
  return "unknown";
}

// What came of the canaries that an operator had sent to a host, one in each of its languages.
struct AgentTest {
  enum class Result : std::uint8_t { waiting, passed, failed, untried };
  struct Part {
    Language language;
    Result result = Result::waiting;
    std::string problem = {};  // why it failed, or was not tried
  };
  WallMs began = 0;
  std::vector<Part> parts;

  bool ended() const {
    for (const Part& part : parts) {
      if (part.result == Result::waiting) return false;
    }
    return true;
  }
};

constexpr std::string_view test_result_name(AgentTest::Result result) {
  switch (result) {
    case AgentTest::Result::waiting:
      return "waiting";
    case AgentTest::Result::passed:
      return "passed";
    case AgentTest::Result::failed:
      return "failed";
    case AgentTest::Result::untried:
      return "untried";
  }
  return "unknown";
}

struct AgentView {
  std::string name;
  std::string version;
  AgentState state = AgentState::lost;
  std::string reason;    // why it is not simply active; empty when it is
  std::string degraded;  // why it would be quarantined, were it not the last of a language
  std::string shortage;  // what its host lacks, so that it gets no run just now
  WallMs since = 0;
  WallMs last_heard = 0;
  std::uint32_t slots = 0;
  std::uint32_t running = 0;
  std::uint32_t weight_percent = 100;
  std::vector<Language> languages;
  std::vector<std::string> tags;
  std::optional<HostReport> host;               // as it last told
  std::optional<std::int64_t> clock_offset_ms;  // its clock less the master's, less the way
  std::uint64_t finished = 0;                   // attempts that ended here with an answer
  std::uint64_t host_faults = 0;                // attempts that ended here by the host's fault

  std::optional<AgentTest> test;  // the last that an operator asked for

  bool takes_runs() const {
    return state == AgentState::active && shortage.empty() && !languages.empty();
  }
};

// A host that has joined and awaits an operator's approval.
struct AwaitingAgent {
  std::string name;
  std::string fingerprint;  // of its key
  WallMs since = 0;
};

struct Snapshot {
  WallMs taken = 0;
  bool accepting = true;
  std::string problem;  // why it does not accept; empty when it does
  std::size_t queued = 0;
  std::size_t queued_bytes = 0;
  std::size_t running = 0;
  std::size_t slots = 0;            // of agents that can take work
  std::size_t busy = 0;             // of these slots
  std::int64_t oldest_wait_ms = 0;  // of a queued job; 0 when none
  std::size_t max_queued = 0;       // the queue's bounds
  std::size_t max_queued_bytes = 0;
  RecentRates recent;
  std::shared_ptr<const History> history;  // null only where no core made the snapshot
  Counters counters;
  std::uint64_t submitted = 0;               // since this start
  std::uint64_t finished = 0;                // since this start
  std::uint64_t late_results = 0;            // results that no longer counted, since this start
  std::uint64_t refused = 0;                 // runs, because a bound was reached, since this start
  std::string last_refusal;                  // which bound
  WallMs last_refused = 0;                   // and when; 0: never
  std::uint64_t expired = 0;                 // runs that waited too long, since this start
  std::shared_ptr<const ApiKeys> keys;       // never null; empty: the API is open
  std::uint64_t refused_peers = 0;           // that the link turned away, since this start
  std::vector<AwaitingAgent> awaiting;       // by name
  std::vector<JoinTokenRecord> join_tokens;  // by which hosts can still join
  std::shared_ptr<const AccessTokens> access;  // never null
  std::vector<AgentView> agents;               // by name
  std::vector<Language> languages;             // union over live agents, by id
  std::vector<std::string> known_languages;    // ever told by an agent, sorted
};

}  // namespace docket
