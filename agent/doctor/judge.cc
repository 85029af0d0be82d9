#include "agent/doctor/judge.h"

#include <algorithm>
#include <cstdlib>

#include "protocol/canary.h"

namespace docket::agent {
namespace {

constexpr std::uint64_t kLeastMb = 200;  // the master's --host-memory-mb and --host-disk-mb
constexpr std::uint64_t kComfortableDiskMb = 1'024;
constexpr std::uint64_t kProgramMb = 200;  // CodeRunner's usual memory limit
constexpr std::uint32_t kForbidden = 403;
constexpr std::uint32_t kTooOften = 429;
constexpr const char* kFreeUsers =
    "give the agent fewer slots or Jobe more users (jobe_max_users); if its web server has crashed "
    "it left users marked busy: run its freeallusers.php as root, or reboot";

std::string seconds_text(std::int64_t ms) {
  const std::int64_t tenths = (std::abs(ms) + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

void judge_standing(const MasterFacts& facts, const std::string& name, Findings& out) {
  const Standing& standing = **facts.answer;
  const std::string by = facts.by_token ? "the token" : "its key";
  switch (standing.code) {
    case Standing::Code::joined:
      out.push_back(well("membership", facts.by_token ? "the token lets this host join as " + name
                                                      : "the master knows this host as " + name));
      return;
    case Standing::Code::awaiting:
      out.push_back(
          well("membership", "the token lets this host join as " + name + ", once it is approved"));
      return;
    case Standing::Code::refused:
    case Standing::Code::left:
      out.push_back(failed("membership", "the master refuses " + by + ": " + standing.reason,
                           "join with a new token: docket agents token on the master, "
                           "docket-agent join TOKEN here"));
  }
}

void judge_answer(const MasterFacts& facts, const std::string& name, const std::string& version,
                  Findings& out) {
  const Standing& standing = **facts.answer;
  judge_standing(facts, name, out);
  const std::int64_t ahead_ms = facts.answered - standing.wall_ms;
  if (standing.wall_ms != 0 && std::abs(ahead_ms) >= kWrongClockMs) {
    out.push_back(doubtful("clock",
                           "this host's is " + seconds_text(ahead_ms) +
                               (ahead_ms > 0 ? " ahead of" : " behind") + " the master's",
                           "timedatectl set-ntp true, on both hosts; logs do not fit otherwise"));
  } else if (standing.wall_ms != 0) {
    out.push_back(well("clock", "within " + seconds_text(ahead_ms) + " of the master's"));
  }
  if (standing.version == version) {
    out.push_back(well("version", version + ", as the master"));
  } else if (!standing.version.empty()) {
    out.push_back(doubtful("version", version + " here, " + standing.version + " at the master",
                           "upgrade the older; neighbouring versions work together meanwhile"));
  }
}

// ---- the sandbox

bool is_refused(const Trial& trial) {
  return trial.answer.http_status == kForbidden || trial.answer.http_status == kTooOften;
}

bool has_come(const Trial& trial) {
  return trial.answer.http_status != 0;
}

std::string fix_of(const std::string& signature) {
  if (signature.starts_with("sudo: ")) {
    return "Jobe's ./install writes /etc/sudoers.d/jobe-sudoers: run it again as root";
  }
  if (signature.find("cgroup") != std::string::npos) {
    return "runguard wants a control group that is not there: look at the mounts of "
           "/sys/fs/cgroup, "
           "in a container also at how it was started";
  }
  if (signature.find("Resource temporarily unavailable") != std::string::npos) {
    return "its users may start no more processes: look for programs left over (ps -u jobe00) and "
           "at TasksMax of apache2, or the container's limit on processes";
  }
  return "run Jobe's testsubmit.py on this host; its ./install --purge sets runguard up anew";
}

void judge_key(const SandboxFacts& facts, Findings& out) {
  const auto refused = std::ranges::find_if(facts.trials, is_refused);
  if (refused == facts.trials.end()) {
    if (std::ranges::none_of(facts.trials, has_come)) return;
    out.push_back(well("jobe key", facts.has_key ? "Jobe takes the key" : "Jobe asks for none"));
  } else if (refused->answer.http_status == kTooOften) {
    out.push_back(failed("jobe key", "Jobe answers 429: the key has had its runs for this hour",
                         "lift its limit in Jobe's table of keys: the agent needs none"));
  } else {
    out.push_back(failed(
        "jobe key", facts.has_key ? "Jobe refuses the key (HTTP 403)" : "Jobe asks for a key",
        "put the right one into a file, and jobe-key-file = \"FILE\" into the agent's settings"));
  }
}

void judge_trial(const Trial& trial, Findings& out) {
  const RunAnswered& answer = trial.answer;
  const std::string check = "run " + trial.language.id;
  const bool ran = answer.ending == Ending::ran;
  if (!ran) {
    out.push_back(
        failed(check,
               std::string(ending_name(answer.ending)) +
                   (has_come(trial) ? ", HTTP " + std::to_string(answer.http_status) : "") +
                   (answer.detail.empty() ? "" : ": " + answer.detail),
               "look into the log of Jobe's web server on this host"));
  } else if (!answer.fault_signature.empty()) {
    out.push_back(failed(check, "the sandbox failed, not the program",
                         "mend the sandbox fault that stands below"));
  } else if (answer.outcome == static_cast<std::uint32_t>(Outcome::overload)) {
    out.push_back(failed(check, "overload (21), though this was all there was to run", kFreeUsers));
  } else if (answer.outcome != static_cast<std::uint32_t>(Outcome::ok)) {
    out.push_back(
        failed(check,
               outcome_name(static_cast<int>(answer.outcome)) + " of a right program" +
                   (trial.complaint.empty() ? "" : ": " + trial.complaint),
               "mend " + trial.language.id + " on this host, or take it out of Jobe's languages"));
  } else if (!has_canary_output(answer.body)) {
    out.push_back(failed(check, "the program ran, and its output is lost or wrong",
                         "look whether a disk is full: df -h /home/jobe /tmp"));
  } else {
    out.push_back(well(check, trial.language.version));
  }
}

void judge_faults(const SandboxFacts& facts, Findings& out) {
  std::size_t answers = 0;
  std::string languages;
  const Trial* first = nullptr;
  for (const Trial& trial : facts.trials) {
    if (trial.answer.ending != Ending::ran) continue;
    ++answers;
    if (trial.answer.fault_signature.empty()) continue;
    if (first == nullptr) first = &trial;
    languages += (languages.empty() ? "" : ", ") + trial.language.id;
  }
  if (first != nullptr) {
    out.push_back(failed("sandbox faults", first->answer.fault_signature + " (" + languages + ")",
                         fix_of(first->answer.fault_signature)));
  } else if (answers > 0) {
    out.push_back(well("sandbox faults", "none in " + std::to_string(answers) +
                                             (answers == 1 ? " answer" : " answers")));
  }
}

void judge_room(const SandboxFacts& facts, std::uint32_t slots, Findings& out) {
  if (facts.agent_runs) {
    out.push_back(well("free slots", "not counted: docket-agent runs here, and says so itself"));
    return;
  }
  if (!facts.together) return;
  const Together& together = *facts.together;
  const std::string counted = std::to_string(together.at_once) + " of " +
                              std::to_string(together.asked) + " programs ran at one time";
  if (together.at_once >= together.asked) {
    out.push_back(well("free slots", counted));
    return;
  }
  const std::string overload =
      together.overload == 0 ? "" : ", " + std::to_string(together.overload) + " got overload (21)";
  out.push_back(failed("free slots",
                       counted + overload + ", with nothing else of Docket's there and " +
                           std::to_string(slots) + " slots",
                       kFreeUsers));
}

}  // namespace

void judge_master(const MasterFacts& facts, const std::string& name, const std::string& version,
                  Findings& out) {
  const std::string where = facts.address.text();
  if (!facts.name_problem.empty()) {
    out.push_back(
        failed("name", facts.address.host + ": " + facts.name_problem,
               "mend DNS or /etc/hosts, or write the master's address into the settings"));
    return;
  }
  out.push_back(well("name", facts.address.host + " has an address"));
  if (!facts.connect_problem.empty()) {
    out.push_back(failed("tcp", where + ": " + facts.connect_problem,
                         "start docket-master there, have its agents-listen say an address that "
                         "this host reaches, and let port " +
                             std::to_string(facts.address.port) + " through the firewall"));
    return;
  }
  out.push_back(well("tcp", where + " takes connections"));
  if (!facts.key_problem.empty()) {
    out.push_back(failed("key", facts.key_problem,
                         "docket-agent join TOKEN; where this host has joined, run this as root"));
    return;
  }
  const bool denied =
      facts.answer && !*facts.answer && facts.answer->error().code == ErrorCode::denied;
  if (facts.answer && !*facts.answer && !denied) {
    out.push_back(failed("key", facts.answer->error().message,
                         "if the master was installed anew, join again with a token of it; if not, "
                         "find out who answers there"));
    return;
  }
  out.push_back(well("key", facts.plain ? "a plain link, without keys, on this host alone"
                                        : "the master proves the pinned key"));
  if (denied) {
    out.push_back(failed("membership", "the master does not know this host's key",
                         facts.by_token
                             ? "ask for a new token: docket agents token on the master"
                             : "docket agents approve " + name +
                                   " on the master, or join again with a token if it was removed"));
    return;
  }
  if (facts.answer) judge_answer(facts, name, version, out);
}

void judge_sandbox(const SandboxFacts& facts, std::uint32_t slots, Findings& out) {
  if (!facts.problem.empty() || facts.languages.empty()) {
    out.push_back(failed("jobe",
                         facts.problem.empty() ? facts.address + " has no language" : facts.problem,
                         "start Jobe (systemctl start apache2), or say where it is: "
                         "jobe = \"http://HOST:PORT\""));
    return;
  }
  out.push_back(well("jobe", "http://" + facts.address + " has " +
                                 std::to_string(facts.languages.size()) +
                                 (facts.languages.size() == 1 ? " language" : " languages")));
  judge_key(facts, out);
  if (std::ranges::any_of(facts.trials, is_refused)) return;
  for (const Trial& trial : facts.trials) judge_trial(trial, out);
  std::string untried;
  for (const Language& language : facts.languages) {
    if (canary_body(language.id).empty()) untried += (untried.empty() ? "" : ", ") + language.id;
  }
  if (!untried.empty()) {
    out.push_back(well("other languages", "not tried, because no program is known: " + untried));
  }
  judge_faults(facts, out);
  judge_room(facts, slots, out);
}

void judge_host(const HostFacts& facts, Findings& out) {
  const HostReport& host = facts.report;
  const std::string slots = std::to_string(facts.slots) + " slots, ";
  const std::string cores = std::to_string(host.cores);
  if (facts.max_users && facts.slots > *facts.max_users) {
    const std::string users = std::to_string(*facts.max_users);
    out.push_back(failed("slots", slots + "and Jobe has " + users + " users (jobe_max_users)",
                         "slots = " + users + " in the agent's settings, or more users in Jobe's"));
  } else if (facts.slots > host.cores) {
    out.push_back(doubtful("slots", slots + cores + " cores: right programs run out of time",
                           "slots = " + cores + " in the agent's settings"));
  } else {
    out.push_back(well("slots", slots + cores + " cores"));
  }
  const std::string disk =
      std::to_string(host.free_disk_mb) + " MB free where " + facts.folder + " is";
  const std::string room = "make room there, or name Jobe's disk by sandbox-folder";
  out.push_back(host.free_disk_mb < kLeastMb             ? failed("disk", disk, room)
                : host.free_disk_mb < kComfortableDiskMb ? doubtful("disk", disk, room)
                                                         : well("disk", disk));
  const std::string memory = std::to_string(host.free_memory_mb) + " MB free";
  const std::uint64_t wanted = kProgramMb * facts.slots;
  if (host.free_memory_mb < kLeastMb) {
    out.push_back(failed("memory", memory + ", with which the master gives it no runs",
                         "see what takes it: ps aux --sort -rss"));
  } else if (host.free_memory_mb < wanted) {
    out.push_back(doubtful("memory",
                           memory + ", and " + slots + std::to_string(kProgramMb) + " MB each",
                           "fewer slots, or more memory"));
  } else {
    out.push_back(well("memory", memory));
  }
}

}  // namespace docket::agent
