// What a seed draws before anything happens: the cluster, the load, and which faults may strike.
// Not every fault in every seed: what always rains hides what only a single drop shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "master/core/api_key.h"
#include "master/core/settings.h"
#include "tests/sim/world.h"

namespace docket::sim {

inline const std::vector<std::string> kLanguages = {"c", "java", "python3"};

struct HostPlan {
  std::string name;
  std::uint32_t slots = 2;
  std::uint32_t weight_percent = 100;
  std::vector<std::string> languages;
  std::vector<std::string> tags;
};

struct Plan {
  CoreSettings core;
  std::vector<HostPlan> hosts;
  std::vector<ApiKey> keys;
  std::uint64_t jobs = 0;
  MonoMs arrivals_ms = 0;      // they come within this
  MonoMs faults_until_ms = 0;  // then everything heals
  MonoMs heal_bound_ms = 0;    // and within this after it all jobs must have ended
  std::uint64_t flood = 0;     // jobs that the first key sends at once
  bool even_runs = false;      // all programs run about as long: then fair shares can be counted
  bool snapshots = true;       // look at the published state after every turn that may change it
  bool plain = false;          // no faults at all

  // What may go wrong.
  bool master_crashes = false;
  bool master_stalls = false;
  bool agent_crashes = false;
  bool agent_stalls = false;
  bool agent_restarts = false;  // by SIGTERM
  bool host_reboots = false;
  bool cuts = false;      // both ways or one way, for a while
  bool swizzles = false;  // several, one after another, mended in another order
  bool resets = false;
  // Messages of one connection are lost, doubled and overtake each other, which TCP never does. The
  // protocol relies on connections that lose nothing while they live, so a lost word may cost a
  // lease; but no promise may break, and new connections make all well again.
  bool wild = false;
  bool sick_sandboxes = false;
  bool short_hosts = false;  // of memory, for a while
  bool breaking_programs = false;
  bool slow_disk = false;
  bool failing_disk = false;
  bool operators = false;
  bool leaving_clients = false;
  bool wall_steps = false;
};

// Runs in the language may go there, of a key that requires these tags.
bool serves(const Plan& plan, const HostPlan& host, const std::string& language,
            const std::vector<std::string>& tags);

Plan draw_plan(Dice& dice);
// A large cluster in fine weather but for some agents that come and go.
Plan big_plan(std::uint64_t agents, std::uint64_t jobs);
std::string describe(const Plan& plan);

}  // namespace docket::sim
