// Every option and command of the command line, and its help. One thread.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "master/cli/commands.h"
#include "protocol/base/result.h"

namespace docket::cli {

inline constexpr const char* kDefaultMaster = "http://127.0.0.1:4001";

struct Globals {
  std::string master;  // empty: DOCKET_MASTER, the master logged in to, or the default
  std::string format;  // empty: as set elsewhere, or table
  bool no_headers = false;
};

// In the order of Format.
inline constexpr const char* kFormats[] = {"table", "wide", "json", "jsonl", "name"};

using Command = std::function<Result<int>(Context&)>;

struct Options {
  Globals globals;
  HoldOptions hold;
  NewJoinToken join_token;
  JobsQuery jobs;
  std::string job_id;
  std::vector<std::string> job_ids;
  WaitOptions wait;
  bool offline = false;
  bool watch = false;
  NewKey key;
  std::string key_name;
  bool yes = false;
  RunOptions run;
  NewToken token;
  std::string token_name;
  LoginOptions login;
  std::string logout_url;
  AuditQuery audit;
  PurgeOptions purge;
  LoadTestOptions loadtest;
  PurgeOptions gc;     // of files
  std::string reason;  // for the audit
  std::string backup_name;
  std::string shell;
  Command chosen;
};

// Parsing `app` fills `options`, which must outlive it, and sets `chosen`.
void declare(CLI::App& app, Options& options);

}  // namespace docket::cli
