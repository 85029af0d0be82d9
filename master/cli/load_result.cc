#include "master/cli/load_result.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/run_request.h"
#include "master/cli/text.h"
#include "protocol/canary.h"

namespace docket::cli {
namespace {

constexpr std::uint32_t kMoreHosts[] = {1, 2, 4};

std::string seconds(double value) {
  return duration(static_cast<std::int64_t>(std::llround(value * 1'000)));
}

double rate(const LoadResult& result) {
  return result.took_s > 0 ? static_cast<double>(result.answered()) / result.took_s : 0;
}

std::string rate_text(const LoadResult& result) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", rate(result));
  return text;
}

std::vector<double> sorted(std::vector<double> values) {
  std::ranges::sort(values);
  return values;
}

}  // namespace

std::string hosts_text(std::uint32_t count) {
  return std::to_string(count) + (count == 1 ? " host" : " hosts");
}

std::uint32_t LoadResult::failed() const {
  std::uint32_t sum = 0;
  for (const auto& [what, count] : wrong) sum += count;
  return sum;
}

std::string load_problem(int status, std::string_view body) {
  if (status != 200) return "HTTP " + std::to_string(status);
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("outcome") || !answer["outcome"].is_number()) {
    return "an answer that is no result";
  }
  const int outcome = answer["outcome"].get<int>();
  if (exit_code_of(outcome) != 0) return outcome_sentence(outcome);
  return has_canary_output(body) ? "" : "another output than the program's";
}

double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

double longest_wait_s(const LoadResult& result, const LoadedCluster& cluster, std::uint32_t runs,
                      std::uint32_t more_hosts) {
  if (rate(result) <= 0 || cluster.hosts == 0) return 0;
  const double growth = 1 + static_cast<double>(more_hosts) / cluster.hosts;
  return runs / (rate(result) * growth);
}

std::string load_text(const LoadResult& result, const LoadedCluster& cluster, std::uint32_t runs) {
  std::string text = std::to_string(result.right_s.size()) + " of " + std::to_string(result.asked) +
                     " runs gave the right result, in " + seconds(result.took_s) + ": " +
                     rate_text(result) + " runs/s on " + std::to_string(cluster.slots) +
                     " slots of " + hosts_text(cluster.hosts) + "\n";
  const auto times = sorted(result.right_s);
  if (!times.empty()) {
    text += "until the result: half within " + seconds(quantile(times, 0.5)) +
            ", 95 of 100 within " + seconds(quantile(times, 0.95)) + ", the last after " +
            seconds(times.back()) + "\n";
  }
  for (const auto& [what, count] : result.wrong) {
    text += "failed: " + std::to_string(count) + " with " + visible(what) + "\n";
  }
  const double now_s = longest_wait_s(result, cluster, runs, 0);
  if (now_s <= 0) return text;
  text += std::to_string(runs) + " runs at once would wait at most " + seconds(now_s);
  const char* before = "; with ";
  for (const std::uint32_t more : kMoreHosts) {
    text += before + hosts_text(more) + " more of this kind " +
            seconds(longest_wait_s(result, cluster, runs, more));
    before = ", with ";
  }
  return text + "\n";
}

nlohmann::ordered_json load_json(const LoadResult& result, const LoadedCluster& cluster,
                                 std::uint32_t runs) {
  const auto times = sorted(result.right_s);
  nlohmann::ordered_json capacity = nlohmann::ordered_json::array();
  for (const std::uint32_t more : {0u, 1u, 2u, 4u}) {
    capacity.push_back(
        {{"more_hosts", more}, {"longest_wait_s", longest_wait_s(result, cluster, runs, more)}});
  }
  return {{"runs", runs},
          {"asked", result.asked},
          {"right", times.size()},
          {"failed", result.wrong},
          {"took_s", result.took_s},
          {"runs_per_s", rate(result)},
          {"p50_s", quantile(times, 0.5)},
          {"p95_s", quantile(times, 0.95)},
          {"last_s", times.empty() ? 0 : times.back()},
          {"hosts", cluster.hosts},
          {"slots", cluster.slots},
          {"capacity", capacity}};
}

std::string load_bar(const LoadResult& result, std::uint32_t runs) {
  constexpr std::uint32_t kCells = 20;
  const std::uint32_t full =
      runs == 0 ? 0 : static_cast<std::uint32_t>(std::uint64_t{kCells} * result.answered() / runs);
  std::string bar = "[" + std::string(full, '#') + std::string(kCells - full, '.') + "] " +
                    std::to_string(result.answered()) + " of " + std::to_string(runs) + ", " +
                    rate_text(result) + "/s";
  if (result.failed() > 0) bar += ", " + std::to_string(result.failed()) + " failed";
  return bar;
}

}  // namespace docket::cli
