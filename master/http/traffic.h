// How many answers a listener gave, by route and status, and how long they took. Reactors count,
// any thread reads. Bounded: the routes are told at the start, and what fits none is one of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/histogram.h"

namespace docket::http {

// A synchronous run's answer takes as long as its program and its wait.
struct AnswerSeconds {
  static constexpr std::array kUpTo = {0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0};
};

class Traffic {
 public:
  // No answer: the client had left.
  static constexpr int kClientLeft = 499;

  struct RouteName {
    std::string method;
    std::string path;
  };
  // `find` gives a request's place in `routes`, or any other number.
  using Find = std::function<std::size_t(std::string_view method, std::string_view path)>;

  Traffic(std::vector<RouteName> routes, Find find);

  std::size_t route_of(std::string_view method, std::string_view path) const;
  void answered(std::size_t route, int status, MonoMs took_ms);
  void client_left(std::size_t route) { count(route, kClientLeft); }
  // Input that never became a request was answered so.
  void refused(int status) { count(routes_.size() - 1, status); }

  void connected() { ++connections_; }
  void disconnected() { --connections_; }
  std::int64_t connections() const { return connections_; }

  struct Seen {
    RouteName route;  // both empty: requests of no route, and input that was no request
    std::map<int, std::uint64_t> statuses;  // of those given at least once
    Histogram<AnswerSeconds> seconds;
  };
  std::vector<Seen> read() const;

 private:
  static constexpr int kLowestStatus = 100;
  static constexpr int kHighestStatus = 599;
  struct Route {
    RouteName name;
    std::array<std::atomic<std::uint64_t>, kHighestStatus - kLowestStatus + 1> statuses{};
    SharedHistogram<AnswerSeconds> seconds;
  };

  void count(std::size_t route, int status);

  std::vector<std::unique_ptr<Route>> routes_;  // the last: of no route
  const Find find_;
  std::atomic<std::int64_t> connections_ = 0;
};

}  // namespace docket::http
