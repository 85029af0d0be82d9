// docket jobs tail: every change of a run's state, one line each, as it is seen.
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

constexpr auto kEvery = std::chrono::seconds(1);
constexpr std::int64_t kClocksDiffer = 60'000;
constexpr std::uint32_t kPage = 1'000;
constexpr int kMostPages = 20;

using Jobs = std::vector<nlohmann::ordered_json>;

bool is_live(const std::string& state) {
  return state == "queued" || state == "running";
}

class Tail {
 public:
  Tail(Context& context, JobsQuery query)
      : context_(context), query_(std::move(query)), first_(query_.limit) {}

  Status round() {
    auto jobs = newest();
    if (!jobs) return jobs.error();
    std::map<std::string, std::string> known;
    std::string oldest_live;
    // They come newest first, and are told in the order in which they came.
    for (auto job = jobs->rbegin(); job != jobs->rend(); ++job) {
      const std::string id = job->value("id", "");
      const std::string state = job->value("state", "");
      const auto before = known_.find(id);
      if (before == known_.end() || before->second != state) say(*job);
      known[id] = state;
      if (oldest_live.empty() && is_live(state)) oldest_live = job->value("received", "");
    }
    if (!jobs->empty()) newest_ = jobs->front().value("received", "");
    if (newest_.empty()) newest_ = rfc3339(context_.now - kClocksDiffer);
    from_ = oldest_live.empty() ? newest_ : oldest_live;
    known_ = std::move(known);
    return ok_status();
  }

 private:
  // All from the oldest that may still change; at first only as many as were asked for.
  Result<Jobs> newest() {
    Jobs jobs;
    JobsQuery query = query_;
    query.from = from_;
    query.limit = from_.empty() ? first_ : kPage;
    for (int page = 0; page < kMostPages; ++page) {
      const auto body = fetch_text(context_.client, jobs_path(query));
      if (!body) return body.error();
      const auto answer = nlohmann::ordered_json::parse(*body, nullptr, false);
      if (!answer.is_object() || !answer.contains("jobs")) {
        return parse_object(context_.client, "").error();
      }
      for (const auto& job : answer["jobs"]) jobs.push_back(job);
      if (from_.empty() || !answer["next"].is_string()) return jobs;
      query.cursor = answer["next"].get<std::string>();
    }
    if (!told_of_more_) tell("more than 20000 runs wait: the older ones' changes are not seen");
    told_of_more_ = true;
    return jobs;
  }

  void say(const nlohmann::ordered_json& entry) {
    const std::string text =
        entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    const Json job = Json::parse(text);
    print(context_.as_json()                ? text + "\n"
          : context_.format == Format::name ? visible(text_at(job, "id")) + "\n"
                                            : change_text(job, context_.look()));
  }

  Context& context_;
  const JobsQuery query_;
  const std::uint32_t first_;
  std::string from_;    // empty: nothing has been asked yet
  std::string newest_;  // when the newest that was seen came
  std::map<std::string, std::string> known_;
  bool told_of_more_ = false;
};

}  // namespace

std::string change_text(const Json& job, const Look& look) {
  const std::string state = text_at(job, "state");
  const std::string finished = text_at(job, "finished");
  const bool queued = state == "queued";
  const std::string ran = number_at(job, "run_ms") > 0 ? duration(number_at(job, "run_ms")) : "";
  std::string line = queued             ? text_at(job, "received")
                     : finished.empty() ? rfc3339(look.now)
                                        : finished;
  const Tone tone = state == "failed" || state == "expired" ? Tone::bad : Tone::plain;
  line += "  " + visible(text_at(job, "id")) + "  " + toned(visible(state), tone, look.colour) +
          "  " + visible(text_at(job, "language"));
  for (const std::string& more : {outcome_in(job), text_at(job, "agent"), ran}) {
    if (!more.empty()) line += "  " + visible(more);
  }
  return line + "\n";
}

Result<int> tail_command(Context& context, const JobsQuery& query) {
  Tail tail(context, query);
  return repeat(
      context, [&] { return tail.round(); }, kEvery);
}

}  // namespace docket::cli
