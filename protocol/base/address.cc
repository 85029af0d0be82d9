#include "protocol/base/address.h"

#include <unistd.h>

#include <charconv>

namespace docket {
namespace {

Error bad(std::string_view setting, std::string_view text, std::string_view wanted) {
  return {ErrorCode::invalid,
          std::string(setting) + ": '" + std::string(text) + "' is not " + std::string(wanted)};
}

}  // namespace

std::string Address::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::is_loopback() const {
  const bool four =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return four || host == "::1" || host == "localhost";
}

Result<Address> parse_address(std::string_view setting, std::string_view text) {
  constexpr std::string_view kWanted = "HOST:PORT, for example 127.0.0.1:4000 (port 0 means any)";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad(setting, text, kWanted);
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad(setting, text, "HOST:PORT; put an IPv6 address in brackets, as in [::1]:4000");
  }
  unsigned port = 0;
  const auto* end = port_text.data() + port_text.size();
  const auto parsed = std::from_chars(port_text.data(), end, port);
  if (host.empty() || port_text.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
      port > 65535) {
    return bad(setting, text, kWanted);
  }
  return Address{std::string(host), static_cast<std::uint16_t>(port)};
}

Result<Address> parse_url_address(std::string_view setting, std::string_view scheme,
                                  std::string_view text) {
  const std::string prefix = std::string(scheme) + "://";
  if (!text.starts_with(prefix)) {
    return bad(setting, text, prefix + "HOST:PORT");
  }
  auto rest = text.substr(prefix.size());
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  return parse_address(setting, rest);
}

std::string host_name(const std::string& otherwise) {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : otherwise;
}

}  // namespace docket
