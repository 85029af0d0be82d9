// docket-agent: reads its options, builds the parts, joins them, and takes them down in order.
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "agent/commands.h"
#include "agent/jobe/api_key.h"
#include "agent/join/join.h"
#include "agent/loop/loop.h"
#include "protocol/base/check.h"
#include "protocol/base/notify.h"
#include "protocol/base/program.h"
#include "protocol/base/program_reload.h"

namespace docket::agent {
namespace {

constexpr std::uint32_t kStopMarginMs = 30'000;  // for what is left to do after the drain

struct Options {
  std::string master = "tcp://127.0.0.1:4002";
  std::string master_key;
  bool plain_link = false;
  std::string jobe = "http://127.0.0.1:80";
  std::string jobe_key_file;
  std::string name;
  std::vector<std::string> tags;
  std::string sandbox_folder;
  std::uint32_t slots = std::max(1u, std::thread::hardware_concurrency());
  double weight = 1.0;
  std::string data;
  LogOptions log;
  std::uint32_t drain_s = 300;
};

void declare(CLI::App& app, Options& options) {
  options.name = host_name("agent");
  app.footer(
      "Commands:\n"
      "  join                        Joins this host to a cluster by a token\n"
      "  doctor                      Looks at what may keep it from running programs\n"
      "  leave                       Takes it out again");
  add_common_options(app, options.log);
  app.add_option("--master", options.master, "tcp://HOST:PORT of the master")
      ->capture_default_str();
  app.add_option("--master-key", options.master_key,
                 "The public key that the master must prove; docket-agent join writes it");
  app.add_flag("--plain-link", options.plain_link,
               "No keys and no encryption, for a master on loopback that was started so too");
  app.add_option("--jobe", options.jobe, "http://HOST:PORT of the Jobe beside this agent")
      ->capture_default_str();
  app.add_option(
      "--jobe-key-file", options.jobe_key_file,
      "File with the API key of that Jobe; without it the environment's DOCKET_JOBE_KEY");
  app.add_option("--name", options.name, "This host's name in the cluster, unique")
      ->default_str("HOSTNAME");
  app.add_option("--slots", options.slots,
                 "Runs at the same time; more than cores make right programs fail")
      ->check(CLI::Range(std::size_t{1}, kMaxSlots))
      ->default_str("CORES");
  app.add_option("--weight", options.weight, "Speed of this host, 1 is ordinary")
      ->check(CLI::Range(0.01, 100.0))
      ->check([](const std::string& text) {  // the range lets NaN through
        return std::isfinite(std::strtod(text.c_str(), nullptr)) ? "" : text + " is no number";
      })
      ->capture_default_str();
  app.add_option("--tag", options.tags,
                 "A word that API keys may require of the hosts of their runs; may be repeated");
  app.add_option("--sandbox-folder", options.sandbox_folder,
                 "A folder on the disk on which that Jobe works, to watch its free space (default "
                 "/home/jobe if there is one, else that of --data)");
  app.add_option("--data", options.data,
                 "Folder for results while the master is away (default docket-agent-NAME)");
  app.add_option("--drain", options.drain_s, "Seconds to finish what runs when stopped")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

std::string jobe_key(const std::string& path) {
  auto key = read_jobe_key(path);
  if (!key) throw StartError(key.error().message);  // it names the setting
  return std::move(key).value();
}

std::optional<DialKeys> dial_keys(const Options& options, const std::string& data,
                                  const Logger& log) {
  if (options.plain_link) return std::nullopt;
  constexpr const char* kJoin =
      ": join the cluster with docket-agent join TOKEN (docket agents token makes one), or "
      "--plain-link for a master on this host";
  if (!is_link_key(options.master_key)) {
    throw StartError(std::string("master-key: ") +
                     (options.master_key.empty() ? "there is none" : "it is no key") + kJoin);
  }
  auto own = load_key_pair(key_path(data));
  if (!own && own.error().code == ErrorCode::not_found) {
    throw StartError("data: there is no " + key_path(data) + kJoin);
  }
  DialKeys keys{options.master_key, start_value("data", std::move(own))};
  log->info("link=encrypted fingerprint={}", fingerprint_of(keys.own.public_key));
  return keys;
}

std::vector<std::string> checked_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kMaxTags) {
    throw StartError("tag: there may be " + std::to_string(kMaxTags) + " at the most");
  }
  for (const std::string& tag : tags) {
    if (acceptable_agent_name(tag)) continue;
    throw StartError("tag: '" + tag.substr(0, 100) +
                     "' must be 1 to 64 letters, digits, '-', '_' or '.'");
  }
  return tags;
}

std::uint64_t random_instance() {
  std::uint64_t instance = 0;
  CHECK_THAT(::getrandom(&instance, sizeof instance, 0) == sizeof instance);
  return instance;
}

// The master knows the rest of a running agent, or it was built into sockets.
constexpr std::string_view kLive[] = {"drain", "log-level"};

void reload(Reload& reloading, Options& options, const Logger& log) {
  CLI::App fresh_app;
  Options fresh;
  declare(fresh_app, fresh);
  const auto apply = [&]() -> Status {
    if (auto set = set_log_level(log, fresh.log.level); !set) return set;
    options.drain_s = fresh.drain_s;
    return ok_status();
  };
  reloading.run(fresh_app, apply, log);
}

int run(Options& options, Reload& reloading, const StopSignals& signals) {
  const Logger log = start_value("log-level", make_logger("docket-agent", options.log));
  if (!acceptable_agent_name(options.name)) {
    throw StartError("name: '" + options.name.substr(0, 100) +
                     "' must be 1 to 64 letters, digits, '-', '_' or '.'");
  }
  const Address master = start_value("master", parse_url_address("master", "tcp", options.master));
  const Address jobe = start_value("jobe", parse_url_address("jobe", "http", options.jobe));
  const DataFolder data("data",
                        options.data.empty() ? "docket-agent-" + options.name : options.data);
  const Host host = start_value("sandbox-folder",
                                Host::open(watched_folder(options.sandbox_folder, data.path())));
  ResultSpool spool = start_value("data", ResultSpool::open(data.path()));

  CoreSettings settings;
  settings.name = options.name;
  settings.version = DOCKET_VERSION;
  settings.instance = random_instance();
  settings.slots = options.slots;
  settings.weight_percent = static_cast<std::uint32_t>(options.weight * 100 + 0.5);
  settings.master = master.text();
  settings.jobe = jobe.text();
  settings.tags = checked_tags(options.tags);

  const std::string key = jobe_key(options.jobe_key_file);
  const auto dealer =
      start_value("master", Dealer::connect(master, dial_keys(options, data.path(), log)));
  const auto client = JobeClient::create(jobe, key);
  Notifier notifier;
  Loop loop(
      Core(settings), *dealer, *client, spool, host,
      [&] {
        std::printf("ready name=%s\n", options.name.c_str());
        std::fflush(stdout);
      },
      notifier, log);
  // Not first when welcomed: a host may start before its master.
  notifier.ready("dials " + master.text());
  WakeFd done;
  std::thread loop_thread([&] {
    loop.run();
    done.raise();
  });
  if (wait_for_stop(
          signals, done, [&] { reload(reloading, options, log); }, log)) {
    log->info("stopping=draining drain_s={}", options.drain_s);
    notifier.stopping(options.drain_s * 1'000 + kStopMarginMs);
    loop.drain(options.drain_s * 1'000);
    if (signals.wait(done)) {
      log->warn("stopping=at_once");
      ::_exit(1);
    }
  }
  loop_thread.join();
  log->info("stopped=yes");
  return 0;
}

}  // namespace
}  // namespace docket::agent

int main(int argc, char** argv) {
  const docket::StopSignals signals(true);
  CLI::App app("The agent of a Docket cluster: gives the master's runs to the Jobe beside it",
               "docket-agent");
  if (argc > 1 && docket::agent::is_command(argv[1])) {
    return docket::agent::run_command(argc - 1, argv + 1);
  }
  docket::agent::Options options;
  docket::agent::declare(app, options);
  return docket::run_program(app, argc, argv, [&] {
    docket::Reload reloading(argc, argv, app, docket::agent::kLive);
    return docket::agent::run(options, reloading, signals);
  });
}
