// The agents the master knows: their links, slots, languages and what runs on them. Owned by the
// core. An agent keeps its entry while it is away, so that people see it and its languages stay
// known; a name belongs to one live connection at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "master/core/events.h"
#include "master/core/health.h"
#include "master/core/snapshot.h"

namespace docket {

// Files that a sandbox is known to have. Of those told, the latest: wrong or forgotten knowledge
// costs a push of a file.
class KnownFiles {
 public:
  void add(const std::string& file);
  bool has(const std::string& file) const { return known_.contains(file); }

 private:
  static constexpr std::size_t kMost = 1'000;
  std::unordered_set<std::string> known_;
  std::deque<std::string> order_;
};

struct Agent {
  std::string name;
  std::string version;
  std::uint64_t instance = 0;
  LinkId link = 0;       // 0: not connected
  LinkId last_link = 0;  // on which it last said hello, connected or not
  AgentState state = AgentState::lost;
  std::string reason;     // why it is lost or draining
  bool stopping = false;  // it said itself that it will leave
  std::string sandbox_problem;
  WallMs since = 0;  // of the state
  MonoMs heard = 0;
  WallMs heard_wall = 0;
  MonoMs sent = 0;
  std::uint32_t slots = 0;
  std::uint32_t weight_percent = 100;
  std::vector<Language> languages;
  std::vector<std::string> tags;
  std::optional<HostReport> host;               // since it connected
  std::optional<std::int64_t> clock_offset_ms;  // likewise: its clock less the master's
  std::string shortage;  // what its host lacks for a run, and so it takes none
  KnownFiles files;
  // Attempts that hold a slot there, current or not, with their CPU limits in seconds.
  std::map<AttemptId, std::uint32_t> occupied;
  // Attempts that ended while their programs may run on: their slots stay taken for a time.
  struct Ghost {
    MonoMs until = 0;
    bool told = false;           // the agent itself said that the attempt ended so
    std::uint64_t instance = 0;  // of the agent's process that it was given to
  };
  std::map<AttemptId, Ghost> ghosts;
  // The quickest of its late runs by language, ms: what compiling and starting take at least.
  std::map<std::string, double> least_ms;
  Health health;
  Hold hold = Hold::none;
  std::string hold_reason;
  MonoMs hold_deadline = kNever;
  std::string degraded;  // sick, but the last of a language: it keeps working
  // Taken out for its faults; outlives connections.
  struct Quarantine {
    std::string reason;
    MonoMs probe_at = 0;
    MonoMs wait_ms = 0;                 // to the probe after that
    std::vector<std::string> untested;  // languages, while it is probed
    bool joining = false;               // not for a fault: its key is on probation
  };
  std::optional<Quarantine> quarantine;
  std::optional<CanaryRun> canary;  // one at a time
  std::optional<AgentTest> test;    // the last that an operator asked for
  // Answers without output that wait for one. Their attempts keep their slots.
  std::vector<Unproven> unproven;
  // Why it gets no more runs than it has cores, though it has more slots; and until when.
  std::string crowded;
  MonoMs crowded_until = 0;
  std::uint64_t last_assigned = 0;  // turn counter, to take turns among equals
  std::uint64_t finished = 0;
  std::uint64_t host_faults = 0;

  std::size_t slots_taken() const { return occupied.size() + ghosts.size(); }
  bool connected() const { return link != 0; }
  bool takes_work() const { return state == AgentState::active && connected(); }
  bool has_room() const { return takes_work() && shortage.empty() && slots_taken() < open_slots(); }
  // As many as its cores can run side by side.
  std::uint32_t fitting_slots() const { return host && host->cores < slots ? host->cores : slots; }
  std::uint32_t open_slots() const { return crowded.empty() ? slots : fitting_slots(); }
  bool has(const std::string& language) const;
  std::string version_of(const std::string& language) const;
  AgentRecord record() const {
    return {name, slots, weight_percent, languages, hold, hold_reason, tags};
  }
};

class Agents {
 public:
  Agent* by_name(const std::string& name);
  Agent* by_link(LinkId link);
  Agent& add(const std::string& name);  // or the one there is
  void bind(Agent& agent, LinkId link);
  void unbind(Agent& agent);
  // It must not be bound.
  void forget(const std::string& name);

  std::map<std::string, Agent>& all() { return agents_; }
  const std::map<std::string, Agent>& all() const { return agents_; }

 private:
  std::map<std::string, Agent> agents_;
  std::unordered_map<LinkId, Agent*> by_link_;  // nodes of a map stay where they are
};

}  // namespace docket
