// Access tokens for a test: how one is made, and requests that carry it. One thread.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/cluster.h"

namespace docket::e2e {

using Headers = std::vector<std::string>;

inline const Headers kJson = {"Content-Type: application/json"};

inline std::string make_token(const Cluster& cluster, const std::string& name,
                              std::vector<std::string> options) {
  options.insert(options.begin(), {"tokens", "create", name});
  const Ended made = cluster.docket(std::move(options));
  REQUIRE_MESSAGE(made.status == 0, made.err);
  REQUIRE(made.out.ends_with('\n'));
  return made.out.substr(0, made.out.size() - 1);
}

inline Headers with(const std::string& token, Headers more = {}) {
  more.push_back("Authorization: Bearer " + token);
  return more;
}

inline long ask(const Cluster& cluster, const std::string& path, const Headers& headers = {}) {
  return http("GET", cluster.ops(path), "", headers).status;
}

}  // namespace docket::e2e
