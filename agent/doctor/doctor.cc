#include "agent/doctor/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "agent/doctor/judge.h"
#include "agent/doctor/reach.h"
#include "agent/doctor/trials.h"
#include "agent/host/host.h"
#include "agent/jobe/api_key.h"
#include "agent/join/exchange.h"
#include "agent/join/sandbox_search.h"
#include "agent/join/settings_file.h"
#include "protocol/base/link_key.h"
#include "protocol/join_token.h"

namespace docket::agent {
namespace {

constexpr int kResolveMs = 10'000;
constexpr int kConnectMs = 5'000;

// As the agent has them: what stands in its settings, and its defaults.
struct Setup {
  std::string name;
  std::string data;
  std::uint32_t slots = 1;
  std::optional<std::uint32_t> max_users;
  std::string jobe_key;
  std::string sandbox_folder;
};

Result<Setup> setup_of(const DoctorOrder& order, const SettingsFile& settings) {
  Setup setup;
  setup.name = settings.get("name").value_or(order.host_name);
  setup.data = !order.data.empty() ? order.data : settings.get("data").value_or(kUsualData);
  setup.max_users = jobe_max_users(order.web_root);
  setup.slots = std::min(order.cores, setup.max_users.value_or(order.cores));
  if (const auto slots = settings.get("slots")) {
    const char* end = slots->data() + slots->size();
    const auto parsed = std::from_chars(slots->data(), end, setup.slots);
    if (parsed.ec != std::errc() || parsed.ptr != end || setup.slots == 0) {
      return Error{ErrorCode::invalid,
                   "slots: '" + *slots + "' in " + order.config + " is no number from 1 on"};
    }
  }
  auto key = read_jobe_key(settings.get("jobe-key-file").value_or(""));
  if (!key) return key.error();
  setup.jobe_key = std::move(*key);
  setup.sandbox_folder = watched_folder(settings.get("sandbox-folder").value_or(""), setup.data);
  return setup;
}

// An agent holds its folder for as long as it runs.
bool is_agent_running(const std::string& data) {
  const int lock = ::open((data + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return errno == EACCES;  // only root and the service may look: assume that it runs
  const bool held = ::flock(lock, LOCK_SH | LOCK_NB) != 0;
  ::close(lock);
  return held;
}

// ---- the master

struct Peer {
  MasterFacts facts;
  std::optional<DialKeys> keys;
  std::string public_key;  // that would join
};

Result<Peer> peer_by_token(const std::string& text, const std::string& own_key_path) {
  const auto token = parse_token(text);
  if (!token) return token.error();
  Peer peer;
  peer.facts.address = token->master;
  peer.facts.by_token = true;
  peer.keys = DialKeys{token->master_key, {public_key_of(token->secret_key), token->secret_key}};
  // A host that has no key yet asks for one that it will never have.
  const auto own = load_key_pair(own_key_path);
  peer.public_key = own ? own->public_key : make_key_pair().public_key;
  return peer;
}

Result<Peer> peer_by_settings(const SettingsFile& settings, const std::string& own_key_path) {
  const auto address = parse_url_address("master", "tcp", settings.get("master").value_or(""));
  if (!address) return address.error();
  Peer peer;
  peer.facts.address = *address;
  peer.facts.plain = settings.get("plain-link") == "true";
  if (peer.facts.plain) return peer;
  const std::string pin = settings.get("master-key").value_or("");
  const auto own = load_key_pair(own_key_path);
  if (!is_link_key(pin)) {
    peer.facts.key_problem = "the settings have no master-key to expect";
  } else if (!own) {
    peer.facts.key_problem = own.error().code == ErrorCode::not_found
                                 ? "this host has no key: there is no " + own_key_path
                                 : own.error().message;
  } else {
    peer.public_key = own->public_key;
    peer.keys = DialKeys{pin, *own};
  }
  return peer;
}

// TCP by itself only where nothing else tells: the master counts a connection without a word.
MasterFacts look_at_master(Peer peer, const Setup& setup, const std::string& version) {
  MasterFacts facts = std::move(peer.facts);
  if (const auto found = resolve(facts.address, kResolveMs); !found) {
    facts.name_problem = found.error().message;
    return facts;
  }
  if (facts.key_problem.empty()) {
    Join question;
    question.name = setup.name;
    question.public_key = peer.public_key;
    question.version = version;
    question.dry_run = 1;
    facts.answer = ask_master(facts.address, peer.keys, question);
    facts.answered = read_clock().wall;
  }
  const bool heard =
      facts.answer && (*facts.answer || facts.answer->error().code == ErrorCode::denied);
  if (heard) return facts;
  if (const auto connected = connect_to(facts.address, kConnectMs); !connected) {
    facts.connect_problem = connected.error().message;
  }
  return facts;
}

Status examine_master(const DoctorOrder& order, const SettingsFile& settings, const Setup& setup,
                      Findings& out) {
  if (order.token.empty() && !settings.get("master")) {
    out.push_back(doubtful("master", "none is set: this host has not joined a cluster",
                           "docket-agent join TOKEN, with a token of docket agents token"));
    return ok_status();
  }
  auto peer = order.token.empty() ? peer_by_settings(settings, key_path(setup.data))
                                  : peer_by_token(order.token, key_path(setup.data));
  if (!peer) return peer.error();
  judge_master(look_at_master(std::move(*peer), setup, order.version), setup.name, order.version,
               out);
  return ok_status();
}

// ---- the sandbox and its host

// As far as it is known: there port 4000 is docket-master's.
Address master_of(const DoctorOrder& order, const SettingsFile& settings) {
  if (const auto token = parse_token(order.token)) return token->master;
  const auto said = parse_url_address("master", "tcp", settings.get("master").value_or(""));
  return said ? *said : Address{};
}

Result<std::vector<Address>> candidates(const DoctorOrder& order, const SettingsFile& settings) {
  const std::string said = !order.jobe.empty() ? order.jobe : settings.get("jobe").value_or("");
  if (said.empty()) return usual_places(master_of(order, settings));
  auto address = parse_url_address("jobe", "http", said);
  if (!address) return address.error();
  return std::vector<Address>{*address};
}

// Where it works, and works well, programs begin: one in each language, then as many as there are
// slots.
SandboxFacts look_at_sandbox(const Result<FoundSandbox>& found, const Setup& setup) {
  SandboxFacts facts;
  facts.has_key = !setup.jobe_key.empty();
  facts.agent_runs = is_agent_running(setup.data);
  if (!found) {
    facts.problem = found.error().message;
    return facts;
  }
  facts.address = found->address.text();
  facts.languages = found->languages;
  // A host at work gets one more program, not twice as many.
  facts.trials = run_canaries(found->address, setup.jobe_key, found->languages,
                              facts.agent_runs ? 1 : setup.slots);
  std::vector<Language> working;
  for (const Trial& trial : facts.trials) {
    if (trial.answer.outcome == static_cast<std::uint32_t>(Outcome::ok)) {
      working.push_back(trial.language);
    }
  }
  if (!facts.agent_runs) {
    facts.together = run_sleepers(found->address, setup.jobe_key, working, setup.slots);
  }
  return facts;
}

Status examine_sandbox(const Result<FoundSandbox>& found, const Setup& setup, Findings& out) {
  judge_sandbox(look_at_sandbox(found, setup), setup.slots, out);
  // Before a join there may be no such folder yet; its disk is that of the nearest that there is.
  std::string folder = setup.sandbox_folder;
  while (::access(folder.c_str(), F_OK) != 0 && folder.find('/') != std::string::npos) {
    folder.erase(folder.rfind('/'));
    if (folder.empty()) folder = "/";
  }
  const auto host = Host::open(folder);
  if (!host) return host.error();
  judge_host({setup.slots, setup.max_users, folder, host->sample()}, out);
  return ok_status();
}

}  // namespace

Result<Findings> examine(const DoctorOrder& order) {
  const auto settings = SettingsFile::read(order.config);
  if (!settings) return settings.error();
  const auto setup = setup_of(order, *settings);
  if (!setup) return setup.error();
  const auto places = candidates(order, *settings);
  if (!places) return places.error();
  Findings findings;
  const bool is_there = ::access(order.config.c_str(), R_OK) == 0;
  findings.push_back(is_there ? well("settings", order.config)
                              : doubtful("settings", "there is no " + order.config,
                                         "docket-agent join TOKEN writes it"));
  if (auto looked = examine_master(order, *settings, *setup, findings); !looked) {
    return looked.error();
  }
  const auto found = find_sandbox(*places, setup->jobe_key);
  if (auto looked = examine_sandbox(found, *setup, findings); !looked) return looked.error();
  return findings;
}

Result<Findings> examine_host(const DoctorOrder& order, const Prospect& prospect) {
  const auto settings = SettingsFile::read(order.config);
  if (!settings) return settings.error();
  auto setup = setup_of(order, *settings);
  if (!setup) return setup.error();
  setup->data = prospect.data;
  Findings findings;
  if (auto looked = examine_sandbox(prospect.sandbox, *setup, findings); !looked) {
    return looked.error();
  }
  return findings;
}

}  // namespace docket::agent
