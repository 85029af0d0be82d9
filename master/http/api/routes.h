// Route tables: what an API serves, one line a route. The table is the router, and what the API's
// document is held against. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "master/http/server.h"
#include "protocol/base/ascii.h"

namespace docket::http {

// What a caller of the operations listener must have. The Jobe listener asks for API keys instead.
enum class Need : std::uint8_t {
  nobody,  // no caller has enough: a route must name what it needs
  nothing,
  read,
  source,  // the role read, and the permission to see what students wrote
  operate,
  admin,
};

template <class Api>
struct Route {
  using Handler = std::optional<Response> (Api::*)(typename Api::Call&& request,
                                                   const std::string& id);

  std::string_view method;
  std::string_view pattern;  // may hold {id}, one segment, or {alnum}, one of letters and digits
  Handler handler;
  Need need = Need::nobody;
  std::string_view action = {};  // its name in the audit, of what changes something
};

// What stands in the place of the pattern's {…} (empty when it has none), or nothing when the path
// is not of the pattern.
constexpr std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto brace = pattern.find('{');
  const auto fixed = pattern.substr(0, brace);
  if (brace == std::string_view::npos) {
    return path == fixed ? std::optional(std::string_view()) : std::nullopt;
  }
  const auto end = pattern.find('}');
  const auto rest = pattern.substr(end + 1);
  if (path.size() < fixed.size() + rest.size() || !path.starts_with(fixed) ||
      !path.ends_with(rest)) {
    return std::nullopt;
  }
  const auto id = path.substr(brace, path.size() - fixed.size() - rest.size());
  const bool fits = pattern.substr(brace, end + 1 - brace) == "{alnum}"
                        ? !id.empty() && std::ranges::all_of(id, is_alphanumeric)
                        : !id.empty() && id.find('/') == id.npos;
  return fits ? std::optional(id) : std::nullopt;
}

template <class Api>
struct Found {
  const Route<Api>* route = nullptr;
  std::string id;
  std::string allow;  // every method of this path; empty: there is no such path
};

template <class Api>
Found<Api> find_route(std::span<const Route<Api>> routes, std::string_view method,
                      std::string_view path) {
  Found<Api> found;
  for (const auto& route : routes) {
    const auto id = match(route.pattern, path);
    if (!id) continue;
    found.allow.append(found.allow.empty() ? "" : ", ").append(route.method);
    if (route.method != method) continue;
    found.route = &route;
    found.id = std::string(*id);
  }
  return found;
}

}  // namespace docket::http
