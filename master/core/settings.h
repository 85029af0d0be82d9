// Every bound and rhythm of the core, each with its reason. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace docket {

// How an agent is chosen among those that can take a job; docs/placement.md compares them.
enum class PlacementPolicy : std::uint8_t {
  least_loaded,     // least runs for its slots x weight
  weighted_random,  // by chance, with slots x weight as weight
  round_robin,      // whose last assignment is longest ago
};

constexpr std::string_view placement_name(PlacementPolicy policy) {
  switch (policy) {
    case PlacementPolicy::least_loaded:
      return "least-loaded";
    case PlacementPolicy::weighted_random:
      return "weighted-random";
    case PlacementPolicy::round_robin:
      return "round-robin";
  }
  return "unknown";
}

struct CoreSettings {
  // A lost host is noticed within five seconds: shorter than a student's patience, longer than a
  // busy host's worst scheduling delay. 1,000 agents cost about 2 % of a core at this rhythm.
  std::uint32_t heartbeat_ms = 1'000;
  std::uint32_t suspect_ms = 2'500;
  std::uint32_t silence_ms = 5'000;

  PlacementPolicy placement = PlacementPolicy::least_loaded;
  // Languages that only some agents may run, by language.
  std::map<std::string, std::vector<std::string>> pins;
  // A host with less takes no run: half of what Jobe grants a program is not there. 0: any will do.
  std::uint64_t min_free_memory_mb = 200;
  std::uint64_t min_free_disk_mb = 200;
  // Above this share of its cores a host takes no run. 0: any will do, because slots bound what
  // Docket itself puts there.
  std::uint32_t max_load_percent = 0;

  // A program that takes its sandbox down meets three hosts at the most.
  std::uint32_t max_attempts = 3;
  // Attempts that began nothing do not count towards that; so many in all end a job all the same.
  std::uint32_t max_all_attempts = 20;
  // With one host only, a retry at once would meet the same fault: 200, 400, 800 ms, …
  std::uint32_t retry_delay_ms = 200;

  // 2,500 jobs are an exam's start; forty times that is no exam, and 1 GiB is still memory.
  std::size_t max_queued_jobs = 100'000;
  std::size_t max_queued_bytes = std::size_t{1} << 30;
  // Moodle waits without limit, students do not.
  std::uint32_t queue_wait_ms = 600'000;

  // A quarantined host is probed after this, then after twice as long each time up to the last: a
  // full disk is soon emptied, a broken one is not worth a canary a second.
  std::uint32_t probe_first_ms = 5'000;
  std::uint32_t probe_last_ms = 120'000;

  // A run whose time was up on a busy host waits so long for room elsewhere: patience that a
  // student has, and longer than most hosts take to finish what made them busy.
  std::uint32_t room_wait_ms = 30'000;
  // So long after the last such run a host gets no more runs than it has cores.
  std::uint32_t crowded_ms = 600'000;

  // A waiting job is raised by one priority class for each of these: two minutes take the lowest to
  // the highest, well within anybody's patience in the queue.
  std::uint32_t ageing_ms = 60'000;

  // A client that repeats a request does so within minutes; a day covers a night's outage. A
  // million names are 200 MB.
  std::uint32_t idempotency_ms = 24 * 3'600'000;
  std::size_t max_idempotency_keys = 1'000'000;

  // After a master's restart agents are back within about two seconds; until this has passed the
  // runs they held are not given to others.
  std::uint32_t rejoin_grace_ms = 10'000;
  // An assignment that waited longer than this in a socket's queue is not started.
  std::uint32_t assign_expiry_ms = 10'000;

  // The lease of an attempt: the sandbox's own wait for a slot (10 s), files, and compiling and
  // running, which Jobe allows 10 s + 2 x cputime and 2 x cputime of wall time.
  std::uint32_t lease_base_ms = 60'000;
  // A program whose agent is gone runs on to its wall limit, after compiling: so long its slot
  // stays taken.
  std::uint32_t ghost_base_ms = 10'000;
  // The agent ends an attempt at its lease; the master waits this much longer for its word.
  std::uint32_t lease_margin_ms = 10'000;
};

constexpr double kFirstExpectedMs = 1'000;  // of a run, until a language's first answers

constexpr std::uint32_t kDefaultCputimeSeconds = 5;  // Jobe's default
constexpr std::uint32_t kMaxCputimeSeconds = 120;    // Jobe's clamp; above it answers 400

constexpr std::uint32_t ghost_ms(const CoreSettings& settings, std::uint32_t cputime_s) {
  return settings.ghost_base_ms + 2'000 * cputime_s;
}

constexpr std::uint32_t lease_ms(const CoreSettings& settings, std::uint32_t cputime_s) {
  return settings.lease_base_ms + 4'000 * cputime_s;
}

}  // namespace docket
