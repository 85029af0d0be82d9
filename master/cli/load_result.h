// What a load test found, and what follows from it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace docket::cli {

struct LoadResult {
  std::uint32_t asked = 0;
  std::vector<double> right_s;                 // from the request to the result, of each right run
  std::map<std::string, std::uint32_t> wrong;  // by what came instead
  double took_s = 0;                           // from the first request to the last result

  std::uint32_t failed() const;
  std::uint32_t answered() const { return static_cast<std::uint32_t>(right_s.size()) + failed(); }
};

// What an answer with that status and body is to a student: "" when a canary program
// (protocol/canary.h) ran and printed what it should, else what is wrong with it, in few words.
std::string load_problem(int status, std::string_view body);

// The cluster as the test found it.
struct LoadedCluster {
  std::uint32_t hosts = 0;  // that take runs of the language
  std::uint32_t slots = 0;  // of these
};

std::string hosts_text(std::uint32_t count);  // "1 host"

// The value that so many of the sorted ones do not exceed; 0 of none. `part` is 0 to 1.
double quantile(const std::vector<double>& sorted, double part);

// How long the last of so many runs waits that come at once, if `more_hosts` such hosts were there.
// 0 when nothing was measured.
double longest_wait_s(const LoadResult& result, const LoadedCluster& cluster, std::uint32_t runs,
                      std::uint32_t more_hosts);

std::string load_text(const LoadResult& result, const LoadedCluster& cluster, std::uint32_t runs);
nlohmann::ordered_json load_json(const LoadResult& result, const LoadedCluster& cluster,
                                 std::uint32_t runs);

// "[######··············]  750 of 2500, 88/s, 3 failed"
std::string load_bar(const LoadResult& result, std::uint32_t runs);

}  // namespace docket::cli
