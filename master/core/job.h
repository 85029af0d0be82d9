// A job as the master knows it and as the journal keeps it. Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/job.h"

namespace docket {

// Bodies are shared, never copied, between the front, the core, the journal and the link.
using Bytes = std::shared_ptr<const std::string>;

// Keeps a job's support files in the store while a copy of it lives; opaque here. Given out by
// FileStore::hold().
using FileHold = std::shared_ptr<const void>;

enum class JobState : std::uint8_t {
  queued = 1,
  running = 2,
  done = 3,
  failed = 4,
  expired = 5,
  cancelled = 6,
};
inline constexpr JobState kLastJobState = JobState::cancelled;

constexpr bool is_final(JobState state) {
  return state != JobState::queued && state != JobState::running;
}

constexpr std::string_view state_name(JobState state) {
  switch (state) {
    case JobState::queued:
      return "queued";
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::expired:
      return "expired";
    case JobState::cancelled:
      return "cancelled";
  }
  return "unknown";
}

struct Attempt {
  std::uint32_t number = 0;
  std::string agent;
  std::string language_version;
  WallMs assigned = 0;
  WallMs ended = 0;  // 0 while it runs
  Ending ending = Ending::none;
  std::uint32_t http_status = 0;
  std::uint32_t outcome = 0;
  std::uint32_t push_ms = 0;
  std::uint32_t run_ms = 0;
  std::string detail;      // for people: why it ended so
  WallMs late_answer = 0;  // when an answer came that no longer counted
};

struct Job {
  JobId id;
  JobState state = JobState::queued;
  bool asynchronous = false;  // its client was told the id and asks for the result itself
  std::string key;            // name of the API key it came with; empty: none
  // The client's name for this very request, and what the request was: it is never run twice.
  std::string idempotency_key;  // empty: none
  std::string fingerprint;
  std::string language;
  std::string client_job;          // X-CodeRunner-Job-Id, to find a run in Moodle's own records
  std::uint32_t cputime_s = 0;     // the run's CPU limit as the sandbox will apply it
  std::vector<std::string> files;  // ids of its support files
  Bytes run_spec;                  // the request's body, secrets taken out
  WallMs received = 0;
  WallMs finished = 0;  // 0 until final
  std::vector<Attempt> attempts;
  // What the client gets; set when final.
  int http_status = 0;
  std::uint32_t outcome = 0;
  Bytes result;
};

// What its client sent and got has been forgotten; the facts are still there. Of a whole job, not
// of a listed one.
inline bool is_purged(const Job& job) {
  return is_final(job.state) && job.run_spec && job.run_spec->empty();
}

}  // namespace docket
