#include "agent/commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <thread>

#include "agent/doctor/doctor.h"
#include "agent/join/join.h"
#include "protocol/base/program.h"

namespace docket::agent {
namespace {

constexpr const char* kUsualConfig = "/etc/docket/agent.toml";  // the service reads it

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int report(const char* command, const Error& error) {
  std::fprintf(stderr, "docket-agent %s: %s\n", command, error.message.c_str());
  return facts_of(error.code).exit_code;
}

bool has_service(const std::string& config) {
  std::error_code ignored;
  return config == kUsualConfig && std::filesystem::is_directory("/run/systemd/system", ignored);
}

void start_service(const std::string& config) {
  if (!has_service(config)) {
    say("start it with: docket-agent --config " + config);
  } else if (std::system("systemctl enable docket-agent && systemctl restart docket-agent") == 0) {
    say("the service docket-agent is enabled and runs");
  } else {
    say("systemctl could not start the service; see systemctl status docket-agent");
  }
}

// "-" stands for standard input, so that a token need not stand in a list of processes.
std::string token_of(const std::string& given) {
  if (given != "-") return given;
  std::string token;
  for (int c = std::getchar(); c != EOF && token.size() < 2'000; c = std::getchar()) {
    token.push_back(static_cast<char>(c));
  }
  return token;
}

DoctorOrder doctor_order() {
  DoctorOrder order;
  order.config = kUsualConfig;
  order.host_name = host_name("agent");
  order.cores = std::max(1u, std::thread::hardware_concurrency());
  order.version = DOCKET_VERSION;
  return order;
}

int run_doctor(int argc, char** argv) {
  CLI::App app("Looks at what may keep this host from running programs, and says how to mend it",
               "docket-agent doctor");
  DoctorOrder order = doctor_order();
  bool json = false;
  app.add_option("token", order.token,
                 "What docket agents token printed, on a host that has not joined; -: standard "
                 "input");
  app.add_option("--config", order.config, "Settings file of the agent")->capture_default_str();
  app.add_option(
      "--jobe", order.jobe,
      "http://HOST:PORT of its Jobe (default: as the settings say, or it is looked for)");
  app.add_option("--data", order.data, "Folder of the key (default: as the settings say)");
  app.add_flag("--json", json, "A list of objects with check, result, detail and do");
  app.footer(
      "It changes nothing. Where docket-agent is stopped it runs as many programs at once as there "
      "are\nslots, else one. Exit status: 0, or 1 when something failed.");
  return run_program(app, argc, argv, [&] {
    order.token = token_of(order.token);
    const auto findings = examine(order);
    if (!findings) return report("doctor", findings.error());
    if (json) {
      say(findings_json(*findings));
    } else {
      for (const std::string& line : lines_of(*findings)) say(line);
    }
    return any_failed(*findings) ? 1 : 0;
  });
}

Status look_before_joining(const JoinOrder& order, const Prospect& prospect, bool force) {
  DoctorOrder looking = doctor_order();
  looking.config = order.config;
  const auto findings = examine_host(looking, prospect);
  if (!findings) return findings.error();
  for (const std::string& line : lines_of(*findings)) say(line);
  if (!any_failed(*findings) || force) return ok_status();
  return Error{ErrorCode::conflict,
               "this host is not fit to run programs: mend what failed, or join all the same with "
               "--force"};
}

int run_join(int argc, char** argv) {
  CLI::App app("Joins this host to a Docket cluster by a token of docket agents token",
               "docket-agent join");
  JoinOrder order;
  order.config = kUsualConfig;
  order.host_name = host_name("agent");
  order.cores = std::max(1u, std::thread::hardware_concurrency());
  order.version = DOCKET_VERSION;
  app.add_option("token", order.token, "What docket agents token printed; -: standard input")
      ->required();
  app.add_option("--name", order.name, "This host's name in the cluster (default: its own)");
  app.add_option("--jobe", order.jobe, "http://HOST:PORT of its Jobe (default: it is looked for)");
  app.add_option("--config", order.config, "Settings file to write")->capture_default_str();
  app.add_option("--data", order.data,
                 "Folder for the key and for results (default: as the settings say, or "
                 "/var/lib/docket/agent)");
  bool force = false;
  app.add_flag("--force", force, "Join even where the doctor finds the host unfit");
  order.examine = [&](const Prospect& prospect) {
    return look_before_joining(order, prospect, force);
  };
  return run_program(app, argc, argv, [&] {
    // Every user of the host can read what a process was started with.
    for (char* word : std::span(argv, static_cast<std::size_t>(argc))) {
      if (order.token == word) std::memset(word, '-', order.token.size());
    }
    order.token = token_of(order.token);
    if (const auto done = join(order, say); !done) return report("join", done.error());
    start_service(order.config);
    return 0;
  });
}

int run_leave(int argc, char** argv) {
  CLI::App app("Takes this host out of its Docket cluster and removes its key",
               "docket-agent leave");
  LeaveOrder order;
  order.config = kUsualConfig;
  app.add_option("--config", order.config, "Settings file of the agent")->capture_default_str();
  app.add_option("--data", order.data, "Folder of the key (default: as the settings say)");
  return run_program(app, argc, argv, [&] {
    // A stop lets the runs end.
    if (has_service(order.config) && std::system("systemctl disable --now docket-agent") != 0) {
      return report("leave", {ErrorCode::unavailable, "systemctl could not stop docket-agent"});
    }
    if (const auto done = leave(order, say); !done) {
      if (has_service(order.config)) {
        say("the service is stopped; systemctl enable --now docket-agent lets it work again");
      }
      return report("leave", done.error());
    }
    return 0;
  });
}

}  // namespace

bool is_command(std::string_view word) {
  return word == "join" || word == "doctor" || word == "leave";
}

int run_command(int argc, char** argv) {
  const std::string_view word = argv[0];
  if (word == "doctor") return run_doctor(argc, argv);
  return word == "join" ? run_join(argc, argv) : run_leave(argc, argv);
}

}  // namespace docket::agent
