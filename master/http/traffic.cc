#include "master/http/traffic.h"

#include <algorithm>
#include <utility>

namespace docket::http {

Traffic::Traffic(std::vector<RouteName> routes, Find find) : find_(std::move(find)) {
  routes.push_back({});
  for (RouteName& name : routes) {
    routes_.push_back(std::make_unique<Route>());
    routes_.back()->name = std::move(name);
  }
}

std::size_t Traffic::route_of(std::string_view method, std::string_view path) const {
  return std::min(find_(method, path), routes_.size() - 1);
}

void Traffic::answered(std::size_t route, int status, MonoMs took_ms) {
  count(route, status);
  routes_[route]->seconds.add(static_cast<double>(took_ms) / 1e3);
}

void Traffic::count(std::size_t route, int status) {
  const int counted = std::clamp(status, kLowestStatus, kHighestStatus);
  routes_[route]->statuses[static_cast<std::size_t>(counted - kLowestStatus)].fetch_add(
      1, std::memory_order_relaxed);
}

std::vector<Traffic::Seen> Traffic::read() const {
  std::vector<Seen> all;
  for (const auto& route : routes_) {
    Seen& seen = all.emplace_back();
    seen.route = route->name;
    for (std::size_t i = 0; i < route->statuses.size(); ++i) {
      const auto count = route->statuses[i].load(std::memory_order_relaxed);
      if (count > 0) seen.statuses[kLowestStatus + static_cast<int>(i)] = count;
    }
    seen.seconds = route->seconds.read();
  }
  return all;
}

}  // namespace docket::http
