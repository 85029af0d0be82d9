// Plays a load on a cluster in virtual time: with the master's real core, which queues runs and
// gives a host one only when it has a free slot; or as systems without a queue in front do, which
// push each run to a host at once, where it waits. One thread, no clock.
#pragma once

#include <random>
#include <vector>

#include "master/core/settings.h"
#include "tests/bench/placement_load.h"

namespace docket::bench {

struct Played {
  std::vector<MonoMs> waited;  // by run, until it was started
  MonoMs makespan = 0;         // from 0 to the last run's end
  std::size_t filled = 0;      // runs that took their host's last slot, or had to wait for it
};

// Every run is carried out exactly once, or the program ends: then the core has a bug.
Played play_core(const CoreSettings& settings, const std::vector<Machine>& hosts,
                 const std::vector<Work>& works);

enum class Push {
  random,           // every host is as likely
  weighted_random,  // as likely as it is able
  weighted_turns,   // the next one, the able ones more often (smooth weighted round robin)
  fewest_runs,      // fewest runs, for what it is able to
};

Played play_pushed(Push push, const std::vector<Machine>& hosts, const std::vector<Work>& works,
                   std::mt19937_64& random);

}  // namespace docket::bench
