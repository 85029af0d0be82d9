// docket-master's options, and the settings of its parts that they make. What is wrong is a
// StartError that names the option.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/core/settings.h"
#include "master/http/api/access_gate.h"
#include "master/store/journal.h"
#include "protocol/base/log.h"

namespace docket {

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

void declare(CLI::App& app, Options& options);

CoreSettings core_settings(const Options& options);
store::JournalOptions journal_settings(const std::string& data_dir, const Options& options);
http::AccessGate::Settings access_settings(const Options& options);
// A client can ask for its result as long as both the job and what it printed are there.
std::int64_t result_ms(const Options& options);

// What SIGHUP can change: all that the core looks at anew for each decision. The rest was built
// into sockets, threads and the store.
inline constexpr std::string_view kLive[] = {
    "attempts",  "drain", "host-disk-mb", "host-load",  "host-memory-mb", "lease",
    "log-level", "pin",   "placement",    "queue-jobs", "queue-mb",       "queue-wait",
};
void take_over_live(Options& running, const Options& fresh);

}  // namespace docket
