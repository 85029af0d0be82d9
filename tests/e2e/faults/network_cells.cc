// A network that fails: two network namespaces joined by a pair of virtual interfaces, and nftables
// that drops packets as they come in. The master, the clients and a second host stand on the near
// side, the host (or both) in question on the far side.
#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include "tests/e2e/faults/cell.h"

namespace docket::e2e {
namespace {

constexpr const char* kNear = "10.213.77.1";
constexpr const char* kFar = "10.213.77.2";
constexpr int kCutMs = 8'000;  // an agent is lost after 5 s

class Wire {
 public:
  Wire() : far_("docket-faults-" + std::to_string(::getpid())) {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    tool({"ip", "netns", "add", far_});
    tool({"ip", "link", "set", "lo", "up"});
    tool({"ip", "-n", far_, "link", "set", "lo", "up"});
    tool({"ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far_});
    tool({"ip", "address", "add", std::string(kNear) + "/24", "dev", "near"});
    tool({"ip", "-n", far_, "address", "add", std::string(kFar) + "/24", "dev", "far"});
    tool({"ip", "link", "set", "near", "up"});
    tool({"ip", "-n", far_, "link", "set", "far", "up"});
  }
  ~Wire() { run("/usr/sbin/ip", {"netns", "delete", far_}, folder_.path()); }

  std::vector<std::string> far_command() const { return {"/usr/sbin/ip", "netns", "exec", far_}; }

  // `rule` for packets that come in at that side, e.g. "drop".
  void at_master(const std::string& rule) { filter({}, "near", rule); }
  void at_host(const std::string& rule) { filter(far_command(), "far", rule); }
  // Ends both rules; the counts of what they dropped, {at the master, at the host}.
  std::pair<int, int> heal() { return {end_filter({}), end_filter(far_command())}; }

 private:
  std::string tool(std::vector<std::string> words) {
    const std::string first =
        words.front().find('/') == 0 ? words.front() : "/usr/sbin/" + words.front();
    const auto ended = run(first, {words.begin() + 1, words.end()}, folder_.path());
    REQUIRE_MESSAGE(ended.status == 0, first << ": " << ended.err);
    return ended.out;
  }

  std::string nft(std::vector<std::string> where, const std::string& command) {
    where.insert(where.end(), {"/usr/sbin/nft", command});
    return tool(where);
  }

  void filter(const std::vector<std::string>& where, const std::string& interface,
              const std::string& rule) {
    nft(where, "add table inet faults");
    nft(where, "add chain inet faults in { type filter hook input priority 0; }");
    nft(where, "add rule inet faults in iifname " + interface + " " + rule);
  }

  int end_filter(const std::vector<std::string>& where) {
    const std::string rules = nft(where, "list ruleset");
    nft(where, "flush ruleset");
    const auto count = rules.find("packets ");
    return count == std::string::npos ? 0 : std::atoi(rules.c_str() + count + 8);
  }

  Folder folder_;  // of the tools' output
  const std::string far_;
};

enum class Cut { both, to_master, to_host };

Counts partition(Cut cut) {
  Wire wire;
  Rig rig({.listen = kNear, .far_command = wire.far_command(), .far_hosts = 1});
  rig.start();
  Load load(rig.jobe(), {.run_ms = 1'000});
  load.start();
  REQUIRE(eventually(20'000, [&] { return rig.programs_started().size() >= 4; }));
  const bool deaf_master = cut != Cut::to_host;
  const bool deaf_host = cut != Cut::to_master;
  if (deaf_master) wire.at_master("counter drop");
  if (deaf_host) wire.at_host("counter drop");
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kCutMs);
  CHECK(eventually(10'000, [&] { return rig.agent_state("lab-1") == "lost"; }));
  std::this_thread::sleep_until(end);
  const auto [at_master, at_host] = wire.heal();
  CHECK((at_master > 0) == deaf_master);
  CHECK((at_host > 0) == deaf_host);
  CHECK(eventually(60'000, [&] { return rig.all_active(); }));
  // Its runs had been given to the other host: what it says of them now must not count.
  CHECK(eventually(20'000, [&] { return rig.status()["late_results"] > 0; }));
  return audit(rig, load);
}

Counts loss() {
  Wire wire;
  Rig rig({.listen = kNear, .far_command = wire.far_command(), .far_hosts = 2});
  const char* rule = "numgen random mod 100 < 10 counter drop";
  wire.at_master(rule);
  wire.at_host(rule);
  rig.start();
  Load load(rig.jobe(), {.rounds = 4});
  load.start();
  load.finish();
  const auto [at_master, at_host] = wire.heal();
  CHECK(at_master > 0);
  CHECK(at_host > 0);
  return audit(rig, load);
}

}  // namespace

std::vector<Cell> network_cells() {
  const std::string group = "network";
  const std::string cut = "nftables, for " + std::to_string(kCutMs / 1'000) + " s: ";
  return {
      {group, "partition, both ways", cut + "drop what comes in on both sides",
       [] { return partition(Cut::both); }, true},
      {group, "partition, agent to master", cut + "drop what comes in at the master",
       [] { return partition(Cut::to_master); }, true},
      {group, "partition, master to agent", cut + "drop what comes in at the agent",
       [] { return partition(Cut::to_host); }, true},
      {group, "10 % packet loss",
       "nftables, throughout: drop one packet in ten at random, each way", loss, true},
  };
}

}  // namespace docket::e2e
