// Host and port as people write them: "127.0.0.1:4000", "[::1]:4000", "0.0.0.0:0" (0: any port).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket {

struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 0;

  std::string text() const;  // brackets around an IPv6 host
  // Reached only from this host: 127.0.0.0/8, ::1 or localhost.
  bool is_loopback() const;
};

// invalid when the text is not HOST:PORT; `setting` is named in the message.
Result<Address> parse_address(std::string_view setting, std::string_view text);

// The same behind a scheme, "tcp://H:P" or "http://H:P"; the scheme must be the one given.
Result<Address> parse_url_address(std::string_view setting, std::string_view scheme,
                                  std::string_view text);

// This host's own name, or `otherwise` when it has none.
std::string host_name(const std::string& otherwise);

}  // namespace docket
