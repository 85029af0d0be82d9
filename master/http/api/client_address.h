// Who a request comes from: the connection's other end or, behind a proxy that the administrator
// named, whom that proxy says. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "master/http/server.h"
#include "protocol/base/result.h"

namespace docket::http {

// IPv4 addresses as ::ffff:a.b.c.d, so that both kinds compare alike.
using IpAddress = std::array<unsigned char, 16>;

// 127.0.0.0/8 and ::1, and the name localhost.
bool is_loopback(std::string_view host);

// Networks whose word on addresses is believed.
class TrustedProxies {
 public:
  // "10.0.0.7", "10.0.0.0/8", "fd00::/8". invalid names the text that is none of these.
  static Result<TrustedProxies> parse(const std::vector<std::string>& networks);

  bool contains(std::string_view address) const;

 private:
  struct Network {
    IpAddress address;
    unsigned bits;
  };
  std::vector<Network> networks_;
};

// The last address of X-Forwarded-For that no trusted proxy gave itself: what stands before it the
// client may have written. Without a trusted peer, the peer.
std::string client_address(const Request& request, const TrustedProxies& proxies);

// What one client has of addresses: an IPv4 address, or the 64 bits of an IPv6 network.
std::string network_of(const std::string& address);

// A proxy has passed it on, trusted or not: loopback as its peer says nothing about its sender.
bool is_forwarded(const Request& request);

// The client speaks TLS, with a trusted proxy.
bool is_encrypted(const Request& request, const TrustedProxies& proxies);

}  // namespace docket::http
