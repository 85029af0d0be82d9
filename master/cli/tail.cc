// docket jobs tail: every change of a run's state, one line each, as it is seen.
#include <algorithm>
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
// The API finds runs by their ids, which are made before the moment that is shown as received.
constexpr std::int64_t kIdsEarlier = 10'000;
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
    WallMs oldest_live = 0;
    WallMs latest = 0;
    // They come newest first, and are told in the order in which they came.
    for (auto job = jobs->rbegin(); job != jobs->rend(); ++job) {
      const std::string id = job->value("id", "");
      const std::string state = job->value("state", "");
      const WallMs received = parse_time(job->value("received", "")).value_or(0);
      if (begin_ == 0) begin_ = received;
      const auto before = known_.find(id);
      const bool is_news = before == known_.end() ? received >= begin_ : before->second != state;
      if (is_news) say(*job);
      known[id] = state;
      latest = received;
      if (oldest_live == 0 && is_live(state)) oldest_live = received;
    }
    if (begin_ == 0) begin_ = context_.now - kClocksDiffer;
    from_ = std::max(begin_, oldest_live != 0 ? oldest_live : latest);
    known_ = std::move(known);
    return ok_status();
  }

 private:
  // All from the oldest that may still change; at first only as many as were asked for.
  Result<Jobs> newest() {
    Jobs jobs;
    JobsQuery query = query_;
    if (from_ != 0) query.from = rfc3339(from_ - kIdsEarlier);
    query.limit = from_ == 0 ? first_ : kPage;
    for (int page = 0; page < kMostPages; ++page) {
      const auto body = fetch_text(context_.client, jobs_path(query));
      if (!body) return body.error();
      const auto answer = nlohmann::ordered_json::parse(*body, nullptr, false);
      if (!answer.is_object() || !answer.contains("jobs")) {
        return parse_object(context_.client, "").error();
      }
      for (const auto& job : answer["jobs"]) jobs.push_back(job);
      if (from_ == 0 || !answer["next"].is_string()) return jobs;
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
  WallMs begin_ = 0;  // when the first of those that are told came
  WallMs from_ = 0;   // when the oldest that may still change came; 0: nothing has been asked yet
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
