#include "master/options.h"

#include <algorithm>
#include <sstream>

#include "master/core/placement.h"
#include "protocol/base/program.h"

namespace docket {
namespace {

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

}  // namespace

void declare(CLI::App& app, Options& options) {
  add_common_options(app, options.log);
  declare_doors(app, options);
  declare_store(app, options);
  declare_queue(app, options);
  declare_placement(app, options);
}

std::int64_t result_ms(const Options& options) {
  return std::int64_t{result_days(options)} * 24 * 3'600 * 1'000;
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

}  // namespace docket
