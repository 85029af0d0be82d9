// Tells requests of the operations listener's own pages and of programs from those that a foreign
// page makes a visitor's browser send. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace docket::http {

// `host` and `origin` are the request's headers, `names` those under which the listener is known
// besides its addresses and localhost.
//
// A name that is not ours in Host means that somebody has pointed his own name at this address (DNS
// rebinding); another Origin than ours means that another site's page asks.
bool is_same_site(std::string_view host, std::string_view origin,
                  const std::vector<std::string>& names);

}  // namespace docket::http
