#include "master/http/api/same_site.h"

#include <arpa/inet.h>

#include <algorithm>

#include "master/http/tokens.h"

namespace docket::http {
namespace {

// Without the port; an IPv6 address without its brackets.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_address(const std::string& host) {
  in6_addr unused{};
  return ::inet_pton(AF_INET, host.c_str(), &unused) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

bool is_named(std::string_view host, const std::vector<std::string>& names) {
  return std::ranges::any_of(names,
                             [&](const auto& name) { return equal_ignoring_case(host, name); });
}

}  // namespace

bool is_same_site(std::string_view host, std::string_view origin,
                  const std::vector<std::string>& names) {
  const std::string_view name = host_of(host);
  if (!is_address(std::string(name)) && !equal_ignoring_case(name, "localhost") &&
      !is_named(name, names)) {
    return false;
  }
  if (origin.empty()) return true;
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;  // "null", of a page without a site
  const std::string_view authority = origin.substr(scheme + 3);
  return equal_ignoring_case(authority, host) || is_named(host_of(authority), names);
}

}  // namespace docket::http
