#include "master/cli/checkup.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

constexpr double kSlowCommitSeconds = 0.25;
constexpr std::int64_t kLeastFreeMb = 200;
constexpr int kFullPercent = 90;

const Json& object_at(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  return known_at(object, key) && object[key].is_object() ? object[key] : kNone;
}

std::int64_t mb_at(const Json& object, const char* key) {
  return number_at(object, key) >> 20;
}

std::string in_mb(std::int64_t mb) {
  return std::to_string(mb) + " MB";
}

std::string in_ms(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g ms", seconds * 1e3);
  return text;
}

bool is_everywhere(const std::string& host) {
  return host == "0.0.0.0" || host == "::" || host == "*";
}

// ---- ports

void judge_jobe(const Checkup& checkup, Findings& out) {
  const std::string listens = text_at(object_at(checkup.self, "listens"), "jobe");
  if (!checkup.jobe) {
    out.push_back(well("jobe port", listens + ", on the master's host alone: a proxy's business"));
  } else if (checkup.jobe_problem.empty()) {
    out.push_back(well("jobe port", checkup.jobe->text() + " answers"));
  } else {
    const std::string detail = checkup.jobe->text() + " does not answer: " + checkup.jobe_problem;
    if (Address{checkup.asked_host, 0}.is_loopback()) {
      out.push_back(
          failed("jobe port", detail, "look into the master's log (journalctl -u docket-master)"));
    } else {
      out.push_back(doubtful("jobe port", detail,
                             "let it through the firewall, if Moodle is where you are; docket "
                             "doctor on the master's host tells more"));
    }
  }
}

void judge_agents_port(const Checkup& checkup, Findings& out) {
  const std::string listens = text_at(object_at(checkup.self, "listens"), "agents");
  const bool plain = !true_at(checkup.link, "encrypted");
  const auto address = parse_address("agents", listens);
  if (plain) {
    out.push_back(doubtful("agents port", listens + " is plain: no keys, for this host alone",
                           "start docket-master without --plain-link, and join the hosts"));
  } else if (has_connected_agents(checkup.agents)) {
    out.push_back(well("agents port", listens + " has agents connected"));
  } else if (checkup.agents_at && !checkup.agents_problem.empty()) {
    out.push_back(
        failed("agents port",
               checkup.agents_at->text() + " takes no connection: " + checkup.agents_problem,
               "let it through the firewall from the sandbox hosts"));
  } else if (address && address->is_loopback()) {
    out.push_back(doubtful("agents port", listens + " is reached from this host alone",
                           "agents-listen = \"tcp://ADDRESS:" + std::to_string(address->port) +
                               "\" in master.toml, for sandbox hosts elsewhere"));
  } else {
    out.push_back(well("agents port", listens + " takes connections"));
  }
}

// ---- who may

void judge_access(const Checkup& checkup, Findings& out) {
  const auto& keys = list_at(checkup.keys, "keys");
  const std::string jobe = text_at(object_at(checkup.self, "listens"), "jobe");
  if (keys.empty()) {
    out.push_back(doubtful("api keys", "none: whoever reaches " + jobe + " may run programs",
                           "docket keys create moodle, and enter it in CodeRunner's settings"));
  } else {
    out.push_back(well("api keys", std::to_string(keys.size()) + ": running programs needs one"));
  }
  const std::string tokens = std::to_string(number_at(checkup.self, "tokens")) + " tokens";
  out.push_back(well("tokens", true_at(checkup.self, "local_is_admin")
                                   ? tokens + "; on the master's host none is asked for"
                                   : tokens + "; without one nobody may do anything"));
}

// ---- data

void judge_data(const Checkup& checkup, Findings& out) {
  const Json& data = object_at(checkup.self, "data");
  const std::string folder = text_at(data, "folder");
  const std::int64_t free = mb_at(data, "free_bytes");
  const std::int64_t database = mb_at(data, "database_bytes");
  const std::int64_t most = mb_at(data, "max_database_bytes");
  const std::int64_t to_come =
      std::max<std::int64_t>(0, most - database) +
      std::max<std::int64_t>(0, mb_at(data, "max_files_bytes") - mb_at(data, "files_bytes"));
  const std::string room = in_mb(free) + " free for " + folder;
  if (free < kLeastFreeMb) {
    out.push_back(failed("disk", room, "make room: a full disk stops the accepting of runs"));
  } else if (free < to_come) {
    out.push_back(doubtful("disk",
                           room + ", and database and files may take " + in_mb(to_come) + " more",
                           "make room, or lower database-mb and files-mb in master.toml"));
  } else {
    out.push_back(well("disk", room));
  }
  const std::string size = in_mb(database) + " of " + in_mb(most);
  if (database * 100 >= most * kFullPercent) {
    out.push_back(doubtful("database", size + ": the oldest finished runs are about to go",
                           "a larger database-mb in master.toml, if they should be kept longer"));
  } else {
    out.push_back(well("database", size));
  }
}

void judge_commits(const Checkup& checkup, Findings& out) {
  const Json& commits = object_at(checkup.self, "commits");
  const std::int64_t count = number_at(commits, "count");
  const std::int64_t lost = number_at(commits, "failed");
  if (count == 0) {
    out.push_back(well("commit", "none has been made since the start"));
    return;
  }
  const bool known = known_at(commits, "p95_seconds");
  const std::string speed = "95 % of " + std::to_string(count) + " within " +
                            (known ? in_ms(real_at(commits, "p95_seconds")) : "more than 10 s") +
                            ", " + in_ms(real_at(commits, "mean_seconds")) + " on average";
  if (!known || real_at(commits, "p95_seconds") > kSlowCommitSeconds) {
    out.push_back(doubtful("commit", speed + ": each answer waits so long for the disk",
                           "put the data on an SSD of the host's own, not on a network disk"));
  } else if (lost > 0) {
    out.push_back(doubtful("commit", speed + ", and " + std::to_string(lost) + " failed",
                           "look for journal=failing in the master's log"));
  } else {
    out.push_back(well("commit", speed));
  }
}

void judge_clock(const Checkup& checkup, Findings& out) {
  const auto time = parse_time(text_at(checkup.self, "time"));
  if (!time) return;
  // What the asking itself took tells nothing.
  const std::int64_t behind = checkup.asked - *time;
  const std::int64_t ahead = *time - checkup.answered;
  const std::int64_t apart = std::max({behind, ahead, std::int64_t{0}});
  if (apart >= kWrongClockMs) {
    out.push_back(doubtful("time",
                           "the master's clock is " + duration(apart) +
                               (ahead > 0 ? " ahead of" : " behind") + " this host's",
                           "timedatectl set-ntp true, on the one that is wrong"));
  } else {
    out.push_back(well("time", "the master's clock is this host's"));
  }
}

// ---- agents

// What is to be done about an agent in that state; empty: nothing.
std::string fix_of(const std::string& state, const std::string& name) {
  if (state == "quarantined" || state == "probing") {
    return "docket-agent doctor on that host; canary runs let it back by themselves";
  }
  if (state == "lost" || state == "suspect") return "docket-agent doctor on that host";
  if (state == "cordoned" || state == "draining" || state == "drained") {
    return "docket agents resume " + name + ", when it is ready";
  }
  return {};
}

void judge_agent(const Json& agent, Findings& out) {
  const std::string name = text_at(agent, "name");
  const std::string state = text_at(agent, "state");
  const std::string reason = text_at(agent, "reason");
  if (const std::string fix = fix_of(state, name); !fix.empty()) {
    out.push_back(doubtful("agent " + name, state + (reason.empty() ? "" : ": " + reason), fix));
    return;
  }
  if (const std::string degraded = text_at(agent, "degraded"); !degraded.empty()) {
    out.push_back(doubtful("agent " + name, "degraded: " + degraded,
                           "mend it or add a host: it is the last with one of its languages"));
  } else if (const std::string shortage = text_at(agent, "shortage"); !shortage.empty()) {
    out.push_back(doubtful("agent " + name, shortage, "docket-agent doctor on that host"));
  } else if (state != "left" && list_at(agent, "languages").empty()) {
    out.push_back(doubtful("agent " + name, reason.empty() ? "it has no language" : reason,
                           "docket-agent doctor on that host"));
  }
}

void judge_agent_clock(const Json& agent, Findings& out) {
  const Json& host = object_at(agent, "host");
  const std::int64_t ahead = number_at(host, "clock_offset_ms");
  if (std::abs(ahead) < kWrongClockMs) return;
  out.push_back(
      doubtful("clock of " + text_at(agent, "name"),
               duration(std::abs(ahead)) + (ahead > 0 ? " ahead of" : " behind") + " the master's",
               "timedatectl set-ntp true, on the one that is wrong"));
}

void judge_versions(const Checkup& checkup, Findings& out) {
  const std::string own = text_at(checkup.self, "version");
  std::string others;
  std::size_t count = 0;
  for (const auto& agent : list_at(checkup.agents, "agents")) {
    if (text_at(agent, "state") == "left") continue;
    ++count;
    if (text_at(agent, "version") == own) continue;
    others +=
        (others.empty() ? "" : ", ") + text_at(agent, "name") + " " + text_at(agent, "version");
  }
  if (!others.empty()) {
    out.push_back(doubtful("versions", "the master is " + own + ", but " + others,
                           "upgrade them, one host after the other"));
  } else if (count > 0) {
    out.push_back(well("versions", "all " + own));
  }
}

void judge_agents(const Checkup& checkup, Findings& out) {
  const std::int64_t all = number_at(checkup.status, "agents");
  const std::int64_t taking = number_at(checkup.status, "agents_taking_work");
  const std::string taken = std::to_string(taking) + " of " + std::to_string(all) + " take runs";
  if (all == 0) {
    out.push_back(failed("agents", "none has joined: no program can run",
                         "docket agents token, and docket-agent join TOKEN on each sandbox host"));
  } else if (taking == 0) {
    out.push_back(failed("agents", taken, "see what is said of each of them below"));
  } else {
    out.push_back(well("agents", taken));
  }
  for (const auto& agent : list_at(checkup.agents, "agents")) {
    judge_agent(agent, out);
    judge_agent_clock(agent, out);
  }
  for (const auto& agent : list_at(checkup.link, "awaiting")) {
    out.push_back(doubtful("agent " + text_at(agent, "name"), "it awaits approval",
                           "docket agents approve " + text_at(agent, "fingerprint")));
  }
  judge_versions(checkup, out);
}

}  // namespace

std::optional<Address> seen_from(const std::string& asked_host, const std::string& listens) {
  const auto address = parse_address("listens", listens);
  if (!address) return std::nullopt;
  if (is_everywhere(address->host)) return Address{asked_host, address->port};
  if (address->is_loopback() && !Address{asked_host, 0}.is_loopback()) return std::nullopt;
  return *address;
}

bool has_connected_agents(const Json& agents) {
  return std::ranges::any_of(list_at(agents, "agents"), [](const Json& agent) {
    const std::string state = text_at(agent, "state");
    return state != "lost" && state != "left";
  });
}

Findings findings_of(const Checkup& checkup) {
  Findings out;
  if (true_at(checkup.status, "accepting")) {
    out.push_back(well("master", text_at(checkup.self, "version") + " takes runs"));
  } else {
    out.push_back(failed("master", text_at(checkup.status, "summary"),
                         "look into its log (journalctl -u docket-master), and at the disk"));
  }
  judge_jobe(checkup, out);
  judge_agents_port(checkup, out);
  judge_access(checkup, out);
  judge_data(checkup, out);
  judge_commits(checkup, out);
  judge_clock(checkup, out);
  judge_agents(checkup, out);
  return out;
}

std::string coderunner_settings(const Checkup& checkup) {
  const auto listens =
      parse_address("listens", text_at(object_at(checkup.self, "listens"), "jobe"));
  Address server = listens ? *listens : Address{"HOST", 4000};
  const bool asked_here = Address{checkup.asked_host, 0}.is_loopback();
  if (is_everywhere(server.host)) {
    server.host = asked_here ? text_at(checkup.self, "host") : checkup.asked_host;
  }
  std::string key = "(leave it empty: none is asked for)";
  if (const auto& keys = list_at(checkup.keys, "keys"); !keys.empty()) {
    std::string names;
    for (const auto& each : keys) names += (names.empty() ? "" : ", ") + text_at(each, "name");
    key = "what docket keys create printed for " + names;
  }
  return "Jobe server: " + server.text() + "\nJobe API-key: " + key;
}

}  // namespace docket::cli
