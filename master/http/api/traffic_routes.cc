#include "master/http/api/traffic_routes.h"

#include <span>

#include "master/http/api/jobe_api.h"
#include "master/http/api/ops_api.h"
#include "master/http/api/routes.h"
#include "web/assets.h"

namespace docket::http {
namespace {

constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);

template <class Api>
std::size_t place_of(std::string_view method, std::string_view path) {
  const auto routes = Api::routes();
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (routes[i].method == method && match(routes[i].pattern, path)) return i;
  }
  return kNoRoute;
}

template <class Api>
void add_names(std::string_view before, std::vector<Traffic::RouteName>& out) {
  for (const auto& route : Api::routes()) {
    out.push_back({std::string(route.method), std::string(before).append(route.pattern)});
  }
}

std::size_t jobe_place(std::string_view method, std::string_view path) {
  return place_of<JobeApi>(method, JobeApi::inner_path(path));
}

std::size_t ops_place(std::string_view method, std::string_view path) {
  const std::size_t jobe_routes = JobeApi::routes().size();
  if (JobeApi::owns(path)) return jobe_place(method, path);
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  const std::size_t place = place_of<OpsApi>(asked, path);
  if (place != kNoRoute) return jobe_routes + place;
  const bool is_file = asked == "GET" && web::find_asset(path) != nullptr;
  return is_file ? jobe_routes + OpsApi::routes().size() : kNoRoute;
}

}  // namespace

std::shared_ptr<Traffic> jobe_traffic() {
  std::vector<Traffic::RouteName> names;
  add_names<JobeApi>("/", names);
  return std::make_shared<Traffic>(std::move(names), jobe_place);
}

std::shared_ptr<Traffic> ops_traffic() {
  std::vector<Traffic::RouteName> names;
  add_names<JobeApi>("/", names);
  add_names<OpsApi>("", names);
  names.push_back({"GET", "page"});
  return std::make_shared<Traffic>(std::move(names), ops_place);
}

}  // namespace docket::http
