// The cluster and the loads that placement is compared on, and how soon a load could be done at
// best. Pure; a seed makes a load.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"

namespace docket::bench {

struct Machine {
  std::string name;
  std::uint32_t slots = 1;
  std::uint32_t speed_percent = 100;  // of each slot; 100 is ordinary
  bool has_rare = false;              // the language that few hosts have

  std::uint32_t capacity() const { return slots * speed_percent; }
  // How long a run takes here that takes work_ms at ordinary speed.
  MonoMs run_ms(MonoMs work_ms) const;
};

struct Work {
  MonoMs arrives = 0;
  MonoMs work_ms = 0;  // at ordinary speed
  bool rare = false;   // in the language that few hosts have
};

// Sorted by arrival; the run times are bounded Pareto, 0.2 to 20 s: most are short, few are long.
struct Load {
  std::string_view name;
  std::vector<Work> works;
};

// Six hosts of 42 slots, from old to new.
std::vector<Machine> mixed_hosts();

Load exam_start(std::mt19937_64& random);
Load steady(std::mt19937_64& random, const std::vector<Machine>& hosts);
Load bursts(std::mt19937_64& random, const std::vector<Machine>& hosts);
// Steady at half the hosts' capacity; one run in ten is in the rare language.
Load rare_language(std::mt19937_64& random, const std::vector<Machine>& hosts);

// No placement, not even one that knows every run time in advance, is done before.
MonoMs least_makespan(const std::vector<Machine>& hosts, const std::vector<Work>& works);

}  // namespace docket::bench
