// A journal over a folder of a test's own, what it told, and jobs to give it.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "master/store/journal.h"
#include "master/store/reader.h"
#include "protocol/base/clock.h"
#include "tests/unit/temporary_folder.h"

namespace docket::test {

using namespace docket::store;

// Hears a journal's progress on its thread and lets the test wait for it.
class Progress {
 public:
  Journal::Listener listener() {
    return [this](const JournalProgress& progress) {
      std::lock_guard lock(mutex_);
      told_.push_back(progress);
      changed_.notify_all();
    };
  }
  void wait_committed(std::uint64_t number) {
    wait([&] { return !told_.empty() && told_.back().committed >= number; });
  }
  void wait_problem() {
    wait([&] { return !told_.empty() && !told_.back().problem.empty(); });
  }
  void wait_well() {
    wait([&] { return !told_.empty() && told_.back().problem.empty(); });
  }
  std::vector<JournalProgress> told() {
    std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), condition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<JournalProgress> told_;  // guarded by mutex_
};

inline Logger silent_log() {
  return std::make_shared<spdlog::logger>("test");
}

// A journal over a folder; closing it commits.
struct OpenJournal {
  explicit OpenJournal(const TemporaryFolder& folder, RetentionLimits retention = {}) {
    auto opened = Journal::open({folder.path(), retention}, silent_log());
    REQUIRE_MESSAGE(opened.ok(), opened.error().message);
    journal = std::move(*opened);
    journal->start(progress.listener());
  }
  void commit(std::vector<Save> saves) {
    journal->post(++last, std::move(saves));
    progress.wait_committed(last);
  }

  Progress progress;
  std::uint64_t last = 0;
  std::unique_ptr<Journal> journal;  // destroyed first: it tells its progress to the end
};

inline std::string refusal_to_open(const std::string& data_dir, ErrorCode code) {
  auto opened = Journal::open({data_dir, {}}, silent_log());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == code);
  return opened.error().message;
}

inline JobId job_number(std::uint64_t number) {
  return {0x0192d3a4b5c60000 + number, 0x1122334455667788};
}

inline Bytes bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

inline Job queued_job(std::uint64_t number) {
  Job job;
  job.id = job_number(number);
  job.language = "c";
  job.cputime_s = 5;
  job.run_spec = bytes("{\"run_spec\":{}}");
  job.received = 1'700'000'000'000;
  return job;
}

inline Job finished_job(std::uint64_t number, WallMs finished = read_clock().wall) {
  Job job = queued_job(number);
  job.state = JobState::done;
  job.finished = finished;
  job.http_status = 200;
  job.outcome = 15;
  job.result = bytes("{}");
  return job;
}

inline Job job_on_disk(const TemporaryFolder& folder, std::uint64_t number) {
  auto reader = open_reader(folder.path());
  REQUIRE(reader.ok());
  auto job = (*reader)->find(job_number(number));
  REQUIRE_MESSAGE(job.ok(), job.error().message);
  REQUIRE(job->has_value());
  return **job;
}

inline std::vector<JobId> listed(JobReader& reader, const JobFilter& filter) {
  auto jobs = reader.list(filter);
  REQUIRE_MESSAGE(jobs.ok(), jobs.error().message);
  std::vector<JobId> ids;
  for (const Job& job : *jobs) ids.push_back(job.id);
  return ids;
}

}  // namespace docket::test
