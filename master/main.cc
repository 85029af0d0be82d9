// docket-master: reads its options, builds the parts, joins them, and takes them down in order.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <sstream>
#include <thread>

#include "master/http/api/access_gate.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/ops_api.h"
#include "master/http/api/traffic_routes.h"
#include "master/loop/loop.h"
#include "master/store/audit_reader.h"
#include "master/store/backup.h"
#include "master/store/files.h"
#include "master/store/journal.h"
#include "master/store/reader.h"
#include "protocol/base/notify.h"
#include "protocol/base/program.h"
#include "protocol/base/program_reload.h"

namespace docket {
namespace {

constexpr unsigned kJobeListener = 0;
constexpr unsigned kOpsListener = 1;
constexpr std::uint32_t kStopMarginMs = 30'000;  // for what is left to do after the drain

struct Options {
  std::string jobe_listen = "0.0.0.0:4000";
  std::string ops_listen = "127.0.0.1:4001";
  std::vector<std::string> ops_names;
  bool ops_tokens = false;
  std::vector<std::string> trusted_proxies;
  std::string agents_listen = "tcp://127.0.0.1:4002";
  std::string agents_address;
  bool plain_link = false;
  std::string data = "docket-master-data";
  LogOptions log;
  int http_threads = 2;
  std::uint32_t drain_s = 30;
  std::uint32_t retention_days = 365;
  std::uint32_t source_days = 30;
  std::uint32_t audit_days = 365;
  std::uint64_t database_mb = 4096;
  std::string backups;
  std::uint64_t files_mb = 4096;
  bool check_file_ids = false;
  CoreSettings core;
  std::uint32_t queue_wait_s = 600;
  std::uint32_t lease_s = 60;
  std::uint32_t queue_mb = 1024;
  std::string placement{placement_name(PlacementPolicy::least_loaded)};
  std::vector<std::string> pins;
  std::uint32_t idempotency_hours = 24;
};

void declare_doors(CLI::App& app, Options& options) {
  app.add_option("--jobe-listen", options.jobe_listen, "HOST:PORT of the Jobe API")
      ->capture_default_str();
  app.add_option("--ops-listen", options.ops_listen,
                 "HOST:PORT of the status page, /api/v1 and the docket command")
      ->capture_default_str();
  app.add_option("--ops-name", options.ops_names,
                 "A name under which browsers reach --ops-listen, besides addresses and localhost");
  app.add_flag("--ops-tokens", options.ops_tokens,
               "Demand a token on a loopback --ops-listen too; elsewhere one is always demanded");
  app.add_option("--trusted-proxy", options.trusted_proxies,
                 "An address or network whose X-Forwarded-For is believed; may be repeated");
  app.add_option("--agents-listen", options.agents_listen, "tcp://HOST:PORT for the agents")
      ->capture_default_str();
  app.add_option("--agents-address", options.agents_address,
                 "HOST:PORT at which agents reach --agents-listen, for join tokens (default: that "
                 "address, or this host's name if it is every address)");
  app.add_flag("--plain-link", options.plain_link,
               "No keys and no encryption between master and agents: on loopback only");
  app.add_option("--http-threads", options.http_threads, "Threads for each HTTP listener")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--drain", options.drain_s, "Seconds to finish waiting requests when stopped")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

void declare_store(CLI::App& app, Options& options) {
  app.add_option("--data", options.data, "Folder of the database and the support files")
      ->capture_default_str();
  app.add_option("--retention-days", options.retention_days, "Days that finished jobs are kept")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--source-days", options.source_days,
                 "Days after which what finished jobs submitted and printed goes")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--audit-days", options.audit_days, "Days that the list of actions is kept")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--database-mb", options.database_mb,
                 "Most MB of database in use; beyond it the oldest finished jobs go; at least "
                 "--queue-mb")
      ->check(CLI::Range(16, 16'777'216))
      ->capture_default_str();
  app.add_option("--backups", options.backups,
                 "Folder for the copies that docket backup makes (default: backups in --data)");
  app.add_option("--files-mb", options.files_mb,
                 "Most MB of support files kept; the least recently used go first")
      ->check(CLI::Range(1, 16'777'216))
      ->capture_default_str();
  app.add_flag("--check-file-ids", options.check_file_ids,
               "Refuse a file whose id looks like an MD5 and is not its content's");
}

void declare_queue(CLI::App& app, Options& options) {
  app.add_option("--queue-jobs", options.core.max_queued_jobs, "Most jobs that may wait")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--queue-mb", options.queue_mb, "Most megabytes of jobs that may wait")
      ->check(CLI::Range(64, 1'000'000))
      ->capture_default_str();
  app.add_option("--idempotency-hours", options.idempotency_hours,
                 "Hours for which an Idempotency-Key stands for its run")
      ->check(CLI::Range(1, 24 * 30))
      ->capture_default_str();
  app.add_option("--queue-wait", options.queue_wait_s, "Seconds a job may wait")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option(
         "--lease", options.lease_s,
         "Seconds for compiling, files and waits of one attempt, besides 4 times its CPU limit")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--attempts", options.core.max_attempts, "Hosts a job may fail on")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
}

void declare_placement(CLI::App& app, Options& options) {
  app.add_option("--placement", options.placement,
                 "How a host is chosen: least-loaded, weighted-random or round-robin")
      ->capture_default_str();
  app.add_option("--pin", options.pins,
                 "LANGUAGE=HOST,…: only these agents run the language; may be repeated");
  app.add_option("--host-memory-mb", options.core.min_free_memory_mb,
                 "A host with less free memory takes no run; 0: any does")
      ->capture_default_str();
  app.add_option("--host-disk-mb", options.core.min_free_disk_mb,
                 "A host with less free disk takes no run; 0: any does")
      ->capture_default_str();
  app.add_option("--host-load", options.core.max_load_percent,
                 "A host above this load, in percent of its cores, takes no run; 0: any does")
      ->check(CLI::Range(0u, kMaxLoadPercent))
      ->capture_default_str();
}

void declare(CLI::App& app, Options& options) {
  add_common_options(app, options.log);
  declare_doors(app, options);
  declare_store(app, options);
  declare_queue(app, options);
  declare_placement(app, options);
}

std::unique_ptr<http::Server> start_server(const char* setting, unsigned listener,
                                           const std::string& listen, int threads,
                                           http::Server::Handler handler, http::Server::Gone gone,
                                           std::shared_ptr<http::Traffic> traffic,
                                           const Logger& log) {
  http::Options options;
  options.listener = listener;
  options.listen = start_value(setting, parse_address(setting, listen));
  options.threads = threads;
  // However many clients Jobe's API has, the status page still opens.
  options.spare_descriptors = listener == kOpsListener ? 64 : 128;
  options.max_body_bytes = kMaxFileBytes / 3 * 4 + 4096;  // the largest file, in base 64
  if (listener == kOpsListener) options.max_buffered_bytes = 128u << 20;  // one such file
  options.traffic = std::move(traffic);
  return start_value(setting,
                     http::Server::start(options, std::move(handler), log, std::move(gone)));
}

rlim_t most_descriptors() {
  rlimit limit{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

http::Response response_to(const Loop::Reply& reply, http::JobeApi& jobe) {
  if (const auto* answer = std::get_if<Answer>(&reply)) return jobe.response_to(*answer);
  if (const auto* done = std::get_if<CommandDone>(&reply)) return http::OpsApi::response_to(*done);
  return http::OpsApi::response_to(std::get<Explained>(reply));
}

// What unfinished jobs need stays. Where a file has gone the job runs all the same: its sandbox may
// have it.
void hold_files(Restored& restored, FileStore& files) {
  for (const Job& job : restored.jobs) {
    if (auto hold = files.hold(job.files)) restored.holds[job.id] = std::move(*hold);
  }
}

StoreFigures store_figures(const store::Journal& journal, const store::Files& files,
                           std::uint64_t max_database_bytes) {
  return {journal.figures(), files.use(), max_database_bytes};
}

void say_open(const Options& options, const Logger& log) {
  log->warn("api=open keys=0 do=\"docket keys create, if others than your Moodle can reach {}\"",
            options.jobe_listen);
}

void say_access(const Options& options, const http::AccessGate::Settings& access,
                std::size_t tokens, const Logger& log) {
  if (access.local_is_admin) {
    log->info("ops=local note=\"whoever reaches {} from this host may do everything\"",
              options.ops_listen);
  } else if (tokens == 0) {
    log->warn(
        "ops=locked tokens=0 do=\"start once with --ops-listen 127.0.0.1:4001 and without "
        "--ops-tokens, and make one by docket tokens create NAME --role admin\"");
  }
}

void say_ready(const http::Server& jobe, const http::Server& ops, const net::Router& agents,
               const http::LinkFacts& link) {
  std::printf("ready jobe=%s ops=%s agents=tcp://%s link=%s\n", jobe.address().text().c_str(),
              ops.address().text().c_str(), agents.address().text().c_str(),
              link.public_key.empty() ? "plain" : link.public_key.c_str());
  std::fflush(stdout);
}

std::optional<KeyPair> link_key(const std::string& data_dir, const Options& options,
                                const Logger& log) {
  if (options.plain_link) return std::nullopt;
  KeyPair key = start_value("data", load_or_make_key_pair(data_dir + "/link.key"));
  log->info("link=encrypted public_key={} fingerprint={}", key.public_key,
            fingerprint_of(key.public_key));
  return key;
}

http::LinkFacts link_facts(const Options& options, const std::optional<KeyPair>& key,
                           const Address& bound) {
  http::LinkFacts facts{key ? key->public_key : std::string(), bound};
  if (!options.agents_address.empty()) {
    facts.address =
        start_value("agents-address", parse_address("agents-address", options.agents_address));
  } else if (bound.host == "0.0.0.0" || bound.host == "::" || bound.host == "*") {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0) facts.address.host = name;
  }
  return facts;
}

// Answers that were given just now are still on their way to their clients.
void let_answers_leave(const http::Server& server) {
  constexpr int kPatienceMs = 2'000;
  constexpr int kStepMs = 5;
  for (int waited = 0; server.open_connections() > 0 && waited < kPatienceMs; waited += kStepMs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
  }
}

PlacementPolicy placement_of(const std::string& name) {
  for (const auto policy : {PlacementPolicy::least_loaded, PlacementPolicy::weighted_random,
                            PlacementPolicy::round_robin}) {
    if (placement_name(policy) == name) return policy;
  }
  throw StartError("placement: '" + name +
                   "' is none of least-loaded, weighted-random, round-robin");
}

std::map<std::string, std::vector<std::string>> pins_of(const std::vector<std::string>& words) {
  std::map<std::string, std::vector<std::string>> pins;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    const auto refuse = [&] {
      throw StartError("pin: '" + word.substr(0, 100) + "' is not LANGUAGE=HOST,HOST");
    };
    if (equals == std::string::npos || equals == 0) refuse();
    std::vector<std::string>& hosts = pins[word.substr(0, equals)];
    std::istringstream list(word.substr(equals + 1));
    for (std::string host; std::getline(list, host, ',');) {
      if (!acceptable_agent_name(host)) refuse();
      hosts.push_back(host);
    }
    if (hosts.empty()) refuse();
  }
  return pins;
}

// A client can ask for its result as long as both the job and what it printed are there.
std::uint32_t result_days(const Options& options) {
  return std::min(options.retention_days, options.source_days);
}

CoreSettings core_settings(const Options& options) {
  CoreSettings settings = options.core;
  settings.placement = placement_of(options.placement);
  settings.pins = pins_of(options.pins);
  settings.queue_wait_ms = options.queue_wait_s * 1'000;
  settings.lease_base_ms = options.lease_s * 1'000;
  settings.max_queued_bytes = std::size_t{options.queue_mb} << 20;
  // A name must not outlive its run's result.
  settings.idempotency_ms =
      std::min(options.idempotency_hours, result_days(options) * 24) * 3'600'000;
  return settings;
}

store::JournalOptions journal_settings(const std::string& data_dir, const Options& options) {
  if (options.database_mb < options.queue_mb) {
    throw StartError("database-mb: " + std::to_string(options.database_mb) +
                     " is less than queue-mb (" + std::to_string(options.queue_mb) +
                     "): waiting runs alone would push every result out");
  }
  store::JournalOptions settings;
  settings.data_dir = data_dir;
  settings.retention.age_ms = std::int64_t{options.retention_days} * 24 * 3'600 * 1'000;
  settings.retention.bodies_ms = std::int64_t{options.source_days} * 24 * 3'600 * 1'000;
  settings.retention.audit_ms = std::int64_t{options.audit_days} * 24 * 3'600 * 1'000;
  settings.retention.database_bytes = options.database_mb << 20;
  settings.retention.names_ms = core_settings(options).idempotency_ms;
  return settings;
}

http::AccessGate::Settings access_settings(const Options& options) {
  http::AccessGate::Settings settings;
  const Address ops = start_value("ops-listen", parse_address("ops-listen", options.ops_listen));
  settings.local_is_admin = http::is_loopback(ops.host) && !options.ops_tokens;
  settings.proxies =
      start_value("trusted-proxy", http::TrustedProxies::parse(options.trusted_proxies));
  return settings;
}

// What SIGHUP can change: all that the core looks at anew for each decision. The rest was built
// into sockets, threads and the store.
constexpr std::string_view kLive[] = {
    "attempts",  "drain", "host-disk-mb", "host-load",  "host-memory-mb", "lease",
    "log-level", "pin",   "placement",    "queue-jobs", "queue-mb",       "queue-wait",
};

void take_over_live(Options& running, const Options& fresh) {
  running.core.max_attempts = fresh.core.max_attempts;
  running.drain_s = fresh.drain_s;
  running.core.min_free_disk_mb = fresh.core.min_free_disk_mb;
  running.core.max_load_percent = fresh.core.max_load_percent;
  running.core.min_free_memory_mb = fresh.core.min_free_memory_mb;
  running.lease_s = fresh.lease_s;
  running.log.level = fresh.log.level;
  running.pins = fresh.pins;
  running.placement = fresh.placement;
  running.core.max_queued_jobs = fresh.core.max_queued_jobs;
  running.queue_mb = fresh.queue_mb;
  running.queue_wait_s = fresh.queue_wait_s;
}

void reload(Reload& reloading, Options& options, Loop& loop, const Logger& log) {
  CLI::App fresh_app;
  Options fresh;
  declare(fresh_app, fresh);
  const auto apply = [&]() -> Status {
    Options next = options;
    take_over_live(next, fresh);
    try {
      [[maybe_unused]] const auto checked = journal_settings("", next);
      const CoreSettings settings = core_settings(next);
      if (auto set = set_log_level(log, next.log.level); !set) return set;
      loop.post(Reconfigure{settings});
    } catch (const StartError& e) {
      return Error{ErrorCode::invalid, e.message()};
    }
    options = std::move(next);
    return ok_status();
  };
  reloading.run(fresh_app, apply, log);
}

// Returns when nobody waits any more after a signal, or drain_s have passed.
void run_until_stopped(Loop& loop, http::Server& jobe_server, Options& options, Reload& reloading,
                       const StopSignals& signals, const Notifier& notifier, const Logger& log) {
  WakeFd done;
  std::thread loop_thread([&] {
    loop.run();
    done.raise();
  });
  if (wait_for_stop(
          signals, done, [&] { reload(reloading, options, loop, log); }, log)) {
    log->info("stopping=draining drain_s={}", options.drain_s);
    notifier.stopping(options.drain_s * 1'000 + kStopMarginMs);
    jobe_server.stop_accepting();
    loop.stop_when_idle(options.drain_s * 1'000);
    if (signals.wait(done)) {
      log->warn("stopping=at_once");
      ::_exit(1);  // crash-only: what was acknowledged is on disk
    }
  }
  loop_thread.join();
}

int run(Options& options, Reload& reloading, const StopSignals& signals) {
  const Logger log = start_value("log-level", make_logger("docket-master", options.log));
  const Address agents_listen = start_value(
      "agents-listen", parse_url_address("agents-listen", "tcp", options.agents_listen));
  const http::AccessGate::Settings access = access_settings(options);
  const DataFolder data("data", options.data);
  const auto files =
      start_value("data", store::open_files(data.path(), options.files_mb << 20, log));

  // Destroyed from the bottom up: the servers first, so that nothing is asked of what is gone.
  std::unique_ptr<Loop> loop;
  const store::JournalOptions journal_options = journal_settings(data.path(), options);
  const auto journal = start_value("data", store::Journal::open(journal_options, log));
  const auto on_damage = [&](const std::string& problem) { journal->report_damage(problem); };
  const auto reader = start_value("data", store::open_reader(data.path(), on_damage));
  const auto audit = start_value("data", store::open_audit_reader(data.path()));
  const auto key = link_key(data.path(), options, log);
  const auto router = start_value("agents-listen", net::Router::bind(agents_listen, key));
  const http::LinkFacts link = link_facts(options, key, router->address());

  Core core(core_settings(options), DOCKET_VERSION);
  Restored restored = journal->take_restored();
  const std::size_t unfinished = restored.jobs.size();
  hold_files(restored, *files);
  files->trim();
  Effects first;
  core.step(std::move(restored), read_clock(), first);
  Published<Snapshot> published(core.snapshot(read_clock()));

  Notifier notifier;
  http::Server* listeners[2] = {};  // there before anything answers later
  const auto respond = [&](http::RequestId to, http::Response response) {
    listeners[http::listener_of(to)]->respond(to, std::move(response));
  };
  const auto post = [&](Event event) { loop->post(std::move(event)); };
  http::FileUploads uploads(*files, {.check_ids = options.check_file_ids}, respond, log);
  http::KeyGate gate(published);
  const std::int64_t results_ms = std::int64_t{result_days(options)} * 24 * 3'600 * 1'000;
  http::JobeApi jobe(post, *reader, *files, uploads, published, &gate, results_ms);
  // The operations listener has a door of its own.
  http::JobeApi ops_jobe(post, *reader, *files, uploads, published, nullptr, results_ms);
  store::DiskBackups copies(
      data.path(), options.backups.empty() ? data.path() + "/backups" : options.backups, on_damage);
  http::BackupRequests backups(copies, respond, log);
  const http::Build build{DOCKET_VERSION, read_clock().wall};
  const auto jobe_traffic = http::jobe_traffic();
  const auto ops_traffic = http::ops_traffic();
  const http::MetricsPage metrics(
      published, build,
      [&] { return store_figures(*journal, *files, journal_options.retention.database_bytes); },
      {{"jobe", jobe_traffic}, {"ops", ops_traffic}});
  http::AccessGate ops_gate(published, access, log);
  http::OpsApi ops(
      post,
      [&](Event command, AuditEntry entry) { loop->order(std::move(command), std::move(entry)); },
      {ops_jobe, *reader, *files, *audit, backups, ops_gate, metrics, published}, build, link,
      options.ops_names);
  std::unique_ptr<http::Server> jobe_server;
  std::unique_ptr<http::Server> ops_server;
  loop = std::make_unique<Loop>(
      std::move(core), std::move(first), *router, *files, published,
      [&](Loop::Reply&& reply) {
        const ReplyTo to = std::visit([](const auto& r) { return r.to; }, reply);
        respond(to, response_to(reply, jobe));
      },
      notifier, log);
  loop->attach(*journal);
  journal->start([&](const store::JournalProgress& progress) { loop->journal_progress(progress); });

  const auto gone = [&](http::RequestId id) { post(ClientGone{id}); };
  jobe_server = start_server(
      "jobe-listen", kJobeListener, options.jobe_listen, options.http_threads,
      [&](http::Request&& request) -> std::optional<http::Response> {
        if (!http::JobeApi::owns(request.path)) return http::text_response(404, "");
        return jobe.handle(std::move(request));
      },
      gone, jobe_traffic, log);
  ops_server = start_server(
      "ops-listen", kOpsListener, options.ops_listen, 1,
      [&](http::Request&& request) { return ops.handle(std::move(request)); }, gone, ops_traffic,
      log);
  listeners[kJobeListener] = jobe_server.get();
  listeners[kOpsListener] = ops_server.get();
  uploads.start();
  backups.start();

  const FileUse kept = files->use();
  log->info("data={} unfinished_jobs={} files={} file_bytes={} held_bytes={} descriptors={}",
            data.path(), unfinished, kept.files, kept.bytes, kept.held_bytes, most_descriptors());
  if (published.get()->keys->empty()) say_open(options, log);
  say_access(options, access, published.get()->access->size(), log);
  say_ready(*jobe_server, *ops_server, *router, link);
  notifier.ready("Jobe API on " + jobe_server->address().text());
  run_until_stopped(*loop, *jobe_server, options, reloading, signals, notifier, log);
  ops_server->stop_accepting();
  let_answers_leave(*jobe_server);
  let_answers_leave(*ops_server);
  uploads.stop();
  backups.stop();
  jobe_server.reset();
  ops_server.reset();
  log->info("stopped=yes");
  return 0;
}

}  // namespace
}  // namespace docket

int main(int argc, char** argv) {
  const docket::StopSignals signals(true);
  CLI::App app(
      "The master of a Docket cluster: speaks Jobe's API, queues runs, gives them to agents",
      "docket-master");
  docket::Options options;
  docket::declare(app, options);
  return docket::run_program(app, argc, argv, [&] {
    docket::Reload reloading(argc, argv, app, docket::kLive);
    return docket::run(options, reloading, signals);
  });
}
