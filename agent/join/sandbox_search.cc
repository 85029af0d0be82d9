#include "agent/join/sandbox_search.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <memory>

#include "agent/jobe/client.h"
#include "protocol/messages.h"

namespace docket::agent {
namespace {

constexpr std::uint16_t kMastersJobePort = 4000;
constexpr int kWaitMs = 200;

Probed probe(const Address& address, const std::string& api_key) {
  const auto client = JobeClient::create(address, api_key);
  client->start_probe();
  // Its own time-outs end it.
  for (std::vector<Event> events;;) {
    client->wait({}, kWaitMs);
    client->collect(events);
    for (Event& event : events) {
      if (auto* probed = std::get_if<Probed>(&event)) return std::move(*probed);
    }
  }
}

// Only an address of this host can be bound to.
bool is_this_host(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int fd = ::socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool own = fd >= 0 && ::bind(fd, each->ai_addr, each->ai_addrlen) == 0;
    if (fd >= 0) ::close(fd);
    if (own) return true;
  }
  return false;
}

// The number behind the setting's name and '=', in PHP: `public int $jobe_max_users = 8;` or
// `$config['jobe_max_users'] = 8;`. Comments do not count.
std::optional<std::uint32_t> number_in(const std::string& line) {
  const auto name = line.find("jobe_max_users");
  const auto comment = line.find_first_not_of(" \t");
  if (name == std::string::npos || line.compare(comment, 2, "//") == 0 ||
      line.compare(comment, 2, "/*") == 0 || line[comment] == '*' || line[comment] == '#') {
    return std::nullopt;
  }
  const auto equals = line.find('=', name);
  if (equals == std::string::npos) return std::nullopt;
  const auto digits = line.find_first_not_of(" \t", equals + 1);
  if (digits == std::string::npos) return std::nullopt;
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(line.data() + digits, line.data() + line.size(), number);
  const bool good = parsed.ec == std::errc() && number >= 1 && number <= kMaxSlots;
  return good ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<FoundSandbox> find_sandbox(const std::vector<Address>& candidates,
                                  const std::string& api_key) {
  std::string tried;
  for (const Address& address : candidates) {
    Probed probed = probe(address, api_key);
    if (probed.problem.empty() && !probed.languages.empty()) {
      return FoundSandbox{address, std::move(probed.languages)};
    }
    tried += (tried.empty() ? "" : "; ") + address.text() + ": " +
             (probed.problem.empty() ? "it has no language" : probed.problem);
  }
  return Error{ErrorCode::unavailable, "no Jobe answers (" + tried + ")"};
}

std::vector<Address> usual_places(const Address& master) {
  std::vector<Address> places;
  for (const std::uint16_t port : {std::uint16_t{80}, kMastersJobePort, std::uint16_t{8080}}) {
    if (port == kMastersJobePort && is_this_host(master.host)) continue;
    places.push_back({"127.0.0.1", port});
  }
  return places;
}

std::optional<std::uint32_t> jobe_max_users(const std::string& web_root) {
  // Jobe 2, and Jobe 1.
  for (const char* path : {"/jobe/app/Config/Jobe.php", "/jobe/application/config/config.php"}) {
    std::ifstream file(web_root + path);
    for (std::string line; std::getline(file, line);) {
      if (const auto number = number_in(line)) return number;
    }
  }
  return std::nullopt;
}

}  // namespace docket::agent
