#include "master/http/api/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "master/http/tokens.h"

namespace docket::http {
namespace {

constexpr IpAddress kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
constexpr IpAddress kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

std::optional<IpAddress> address_of(std::string_view text) {
  const std::string word(text);
  IpAddress address{};
  if (::inet_pton(AF_INET6, word.c_str(), address.data()) == 1) return address;
  address = kMappedPrefix;
  if (::inet_pton(AF_INET, word.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

bool is_mapped(const IpAddress& address) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.begin() + 12, address.begin());
}

std::string text_of(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = is_mapped(address);
  const void* bytes = v4 ? address.data() + 12 : address.data();
  return ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
}

bool same_network(const IpAddress& left, const IpAddress& right, unsigned bits) {
  if (std::memcmp(left.data(), right.data(), bits / 8) != 0) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xffu << (8 - bits % 8);
  return ((left[bits / 8] ^ right[bits / 8]) & mask & 0xff) == 0;
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// All lists of that header joined, as if they were one.
std::vector<std::string_view> words_of(const Request& request, std::string_view name) {
  std::vector<std::string_view> words;
  for (const auto& [header, value] : request.headers) {
    if (header != name) continue;
    for (std::string_view rest = value;;) {
      const auto comma = rest.find(',');
      words.push_back(trimmed(rest.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return words;
}

}  // namespace

bool is_loopback(std::string_view host) {
  const auto address = address_of(host);
  if (!address) return equal_ignoring_case(host, "localhost");
  return *address == kLoopback6 || (is_mapped(*address) && (*address)[12] == 127);
}

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    const auto slash = text.find('/');
    const auto address = address_of(std::string_view(text).substr(0, slash));
    const Error bad{ErrorCode::invalid, "'" + text.substr(0, 100) +
                                            "' is not an address or network such as 10.0.0.0/8"};
    if (!address) return bad;
    const unsigned most = is_mapped(*address) ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data() + slash + 1, end, bits);
      if (parsed.ec != std::errc() || parsed.ptr != end || bits > most) return bad;
    }
    proxies.networks_.push_back({*address, bits + (most == 32 ? kMappedBits : 0)});
  }
  return proxies;
}

bool TrustedProxies::contains(std::string_view text) const {
  const auto address = address_of(text);
  return address && std::ranges::any_of(networks_, [&](const Network& network) {
           return same_network(network.address, *address, network.bits);
         });
}

std::string client_address(const Request& request, const TrustedProxies& proxies) {
  std::optional<IpAddress> nearest = address_of(request.peer);
  if (!nearest) return request.peer;
  auto words = words_of(request, "x-forwarded-for");
  while (!words.empty() && proxies.contains(text_of(*nearest))) {
    const auto before = address_of(words.back());
    if (!before) break;  // a trusted proxy's mistake: the proxy itself is all that is known
    nearest = before;
    words.pop_back();
  }
  return text_of(*nearest);
}

std::string network_of(const std::string& address) {
  auto bytes = address_of(address);
  if (!bytes || is_mapped(*bytes)) return address;
  std::fill(bytes->begin() + 8, bytes->end(), static_cast<unsigned char>(0));
  return text_of(*bytes) + "/64";
}

bool is_forwarded(const Request& request) {
  return request.has("x-forwarded-for") || request.has("forwarded") || request.has("x-real-ip") ||
         request.has("via");
}

bool is_encrypted(const Request& request, const TrustedProxies& proxies) {
  return proxies.contains(request.peer) &&
         equal_ignoring_case(request.header("x-forwarded-proto"), "https");
}

}  // namespace docket::http
