#include "master/core/counters.h"

#include <algorithm>

namespace docket {
namespace {

static_assert(static_cast<std::size_t>(JobEnd::cancelled) + 1 == kJobEnds);
static_assert(static_cast<std::size_t>(RefusalReason::not_accepting) + 1 == kRefusalReasons);

JobEnd end_of_done(const Job& job) {
  if (job.http_status == 400) return JobEnd::rejected;
  switch (static_cast<Outcome>(job.outcome)) {
    case Outcome::ok:
      return JobEnd::ok;
    case Outcome::compile_error:
      return JobEnd::compile_error;
    case Outcome::runtime_error:
      return JobEnd::runtime_error;
    case Outcome::time_limit:
      return JobEnd::time_limit;
    case Outcome::memory_limit:
      return JobEnd::memory_limit;
    case Outcome::illegal_call:
      return JobEnd::illegal_call;
    case Outcome::internal_error:
      return JobEnd::internal_error;
    case Outcome::overload:
      return JobEnd::overload;
    case Outcome::none:
      break;
  }
  return JobEnd::other;
}

}  // namespace

JobEnd job_end(const Job& job) {
  switch (job.state) {
    case JobState::failed:
      return JobEnd::failed;
    case JobState::expired:
      return JobEnd::expired;
    case JobState::cancelled:
      return JobEnd::cancelled;
    case JobState::queued:
    case JobState::running:
    case JobState::done:
      break;
  }
  return end_of_done(job);
}

std::string_view job_end_name(JobEnd end) {
  switch (end) {
    case JobEnd::ok:
      return "ok";
    case JobEnd::compile_error:
      return "compile_error";
    case JobEnd::runtime_error:
      return "runtime_error";
    case JobEnd::time_limit:
      return "time_limit";
    case JobEnd::memory_limit:
      return "memory_limit";
    case JobEnd::illegal_call:
      return "illegal_call";
    case JobEnd::internal_error:
      return "internal_error";
    case JobEnd::overload:
      return "overload";
    case JobEnd::rejected:
      return "rejected";
    case JobEnd::other:
      return "other";
    case JobEnd::failed:
      return "failed";
    case JobEnd::expired:
      return "expired";
    case JobEnd::cancelled:
      return "cancelled";
  }
  return "other";
}

std::string_view refusal_reason_name(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::queue_jobs:
      return "queue_jobs";
    case RefusalReason::queue_bytes:
      return "queue_bytes";
    case RefusalReason::key_queue:
      return "key_queue";
    case RefusalReason::not_accepting:
      return "not_accepting";
  }
  return "unknown";
}

LanguageCounts& Counters::of(const std::string& language) {
  const auto named = [&](std::string_view name) {
    return std::find_if(languages.begin(), languages.end(),
                        [&](const LanguageCounts& counts) { return counts.language == name; });
  };
  if (const auto known = named(language); known != languages.end()) return *known;
  const bool room = languages.size() < kMostLanguages;
  const std::string_view name = room ? std::string_view(language) : kOtherLanguages;
  if (const auto others = named(name); others != languages.end()) return *others;
  languages.emplace_back().language = name;
  return languages.back();
}

void Counters::finished(const Job& job) {
  const auto end = static_cast<std::size_t>(job_end(job));
  ++jobs_ended[static_cast<std::size_t>(job.state)];
  LanguageCounts& counts = of(job.language);
  counts.waits[end].add(static_cast<double>(waited_ms(job)) / 1e3);
  if (job.state == JobState::done) counts.runs[end].add(job.attempts.back().run_ms / 1e3);
}

std::int64_t waited_ms(const Job& job) {
  const WallMs until = job.attempts.empty() ? job.finished : job.attempts.front().assigned;
  return std::max<std::int64_t>(0, until - job.received);
}

}  // namespace docket
