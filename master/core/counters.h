// What the core counts from the master's start on, for /metrics. Plain values: the core writes, a
// snapshot carries a copy. Bounded: past kMostLanguages, languages are counted as one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/job.h"
#include "protocol/base/histogram.h"

namespace docket {

// From a program that prints a line to a queue at its patience's end.
struct JobSeconds {
  static constexpr std::array kUpTo = {0.05, 0.1,  0.25, 0.5,  1.0,   2.5,   5.0,
                                       10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0};
};

// How a job ended, as metrics tell it: the outcome of one that is done, else its state.
enum class JobEnd : std::uint8_t {
  ok,
  compile_error,
  runtime_error,
  time_limit,
  memory_limit,
  illegal_call,
  internal_error,
  overload,
  rejected,  // 400: the client's own fault
  other,     // an outcome that Jobe does not have
  failed,
  expired,
  cancelled,
};
inline constexpr std::size_t kJobEnds = 13;

JobEnd job_end(const Job& job);  // the job is final
std::string_view job_end_name(JobEnd end);

// Why a run was not taken.
enum class RefusalReason : std::uint8_t { queue_jobs, queue_bytes, key_queue, not_accepting };
inline constexpr std::size_t kRefusalReasons = 4;
std::string_view refusal_reason_name(RefusalReason reason);

struct LanguageCounts {
  std::string language;
  std::uint64_t submitted = 0;
  std::size_t waiting = 0;  // now
  // From its arrival to its first attempt, or to its end when there was none. By JobEnd.
  std::array<Histogram<JobSeconds>, kJobEnds> waits;
  // The sandbox's time for the attempt that gave the answer; of jobs that are done.
  std::array<Histogram<JobSeconds>, kJobEnds> runs;
};

struct Counters {
  static constexpr std::size_t kMostLanguages = 100;
  static constexpr std::string_view kOtherLanguages = "other";

  std::vector<LanguageCounts> languages;           // in order of their first jobs
  std::array<std::uint64_t, 64> attempts_ended{};  // by Ending
  std::array<std::uint64_t, kRefusalReasons> refused{};
  std::array<std::uint64_t, static_cast<std::size_t>(kLastJobState) + 1> jobs_ended{};  // by state
  std::uint64_t host_faults = 0;

  LanguageCounts& of(const std::string& language);
  void ended(Ending ending) { ++attempts_ended[static_cast<std::size_t>(ending)]; }
  void refuse(RefusalReason reason) { ++refused[static_cast<std::size_t>(reason)]; }
  void finished(const Job& job);
};

// How long it waited for its first attempt, or in vain. By the wall clock: never negative.
std::int64_t waited_ms(const Job& job);

}  // namespace docket
