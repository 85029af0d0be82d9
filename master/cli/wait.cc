// docket jobs wait
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/progress.h"
#include "master/cli/run_request.h"
#include "master/cli/show.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kFirstPause = std::chrono::milliseconds(100);
constexpr auto kLongestPause = std::chrono::milliseconds(1'000);

bool has_ended(const std::string& state) {
  return !state.empty() && state != "queued" && state != "running";
}

// True when it has ended. What a run is at is told by the master's answer to why, which is small
// whatever the run printed.
Result<bool> look_at(Context& context, const std::string& id, Progress& progress) {
  const auto why = fetch(context.client, "/api/v1/jobs/" + id + "/why");
  if (!why) {
    if (why.error().code == ErrorCode::conflict) return true;  // it has just ended
    return why.error();
  }
  if (has_ended(text_at(*why, "state"))) return true;
  progress.tell_of(id, progress_text(*why));
  return false;
}

// As in the list of jobs, or nothing when it turned out not to have ended.
Result<std::optional<nlohmann::ordered_json>> ended_job(Context& context, const std::string& id) {
  const auto body = fetch_text(context.client, "/api/v1/jobs/" + id);
  if (!body) return body.error();
  auto job = nlohmann::ordered_json::parse(*body, nullptr, false);
  if (!job.is_object()) return parse_object(context.client, *body).error();
  for (const char* member : {"run_spec", "result", "bodies", "timeline", "cputime_s", "files"}) {
    job.erase(member);
  }
  if (!has_ended(job.value("state", ""))) return std::optional<nlohmann::ordered_json>();
  return std::optional(std::move(job));
}

// Those of `waiting` that have ended move to `jobs`.
Status gather(Context& context, std::vector<std::string>& waiting, nlohmann::ordered_json& jobs,
              Progress& progress) {
  std::vector<std::string> still;
  for (const auto& id : waiting) {
    const auto ended = look_at(context, id, progress);
    if (!ended) return ended.error();
    auto job = *ended ? ended_job(context, id)
                      : Result<std::optional<nlohmann::ordered_json>>(std::nullopt);
    if (!job) return job.error();
    if (*job) {
      jobs.push_back(std::move(**job));
    } else {
      still.push_back(id);
    }
  }
  waiting = std::move(still);
  return ok_status();
}

int exit_code_of_all(const nlohmann::ordered_json& jobs) {
  for (const auto& job : jobs) {
    const auto outcome = job.find("outcome");
    const bool known = outcome != job.end() && outcome->is_number_integer();
    const bool done = job.value("state", "") == "done";
    if (!done || !known || exit_code_of(outcome->get<int>()) != 0) return 1;
  }
  return 0;
}

}  // namespace

Result<int> wait_command(Context& context, const std::vector<std::string>& parts,
                         const WaitOptions& options) {
  std::optional<std::int64_t> most_s;
  if (!options.timeout.empty()) {
    most_s = seconds_of(options.timeout);
    if (!most_s) {
      return Error{ErrorCode::invalid,
                   "--timeout: " + in_quotes(options.timeout) + " is no time such as 90s or 30m"};
    }
  }
  std::vector<std::string> waiting;
  for (const auto& part : parts) {
    auto id = whole_id(context, part);
    if (!id) return id.error();
    waiting.push_back(std::move(*id));
  }
  auto jobs = nlohmann::ordered_json::array();
  Progress progress(options.progress);
  const auto end = Clock::now() + std::chrono::seconds(most_s.value_or(0));
  for (auto pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    if (const auto done = gather(context, waiting, jobs, progress); !done) return done.error();
    if (waiting.empty() || (most_s && Clock::now() >= end)) break;
    std::this_thread::sleep_for(pause);
  }
  progress.clear();
  context.now = read_clock().wall;
  const int code = exit_code_of_all(jobs);
  const nlohmann::ordered_json answer = {{"jobs", std::move(jobs)}};
  print(list_text(answer.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
                  {"jobs", "id", jobs_text, {}}, context.format, context.look()));
  if (waiting.empty()) return code;
  return Error{ErrorCode::timed_out, std::to_string(waiting.size()) + " of " +
                                         std::to_string(parts.size()) +
                                         " runs had not ended after " + options.timeout};
}

}  // namespace docket::cli
