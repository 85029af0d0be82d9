// What every command does: asks the master, writes data to stdout and messages to stderr. One
// thread. An error becomes one line and an exit code in app.cc; a value is the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/cli/client.h"
#include "master/cli/table.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket::cli {

enum class Format { table, wide, json, jsonl, name };

struct Context {
  Client& client;
  Format format = Format::table;
  bool colour = false;
  WallMs now = 0;
  bool headers = true;
  bool watch = false;  // show it again whenever it has changed

  bool as_json() const { return format == Format::json || format == Format::jsonl; }
  Look look() const { return {now, colour, format == Format::wide, headers}; }
};

// An exit code of commands on several things: some were done, some not.
inline constexpr int kPartly = 7;

struct JobsQuery {
  std::string state;  // empty: any, as are the others
  std::string language;
  std::string agent;
  std::string key;
  std::string outcome;
  std::string from;
  std::string to;
  std::string text;
  std::string cursor;
  std::uint32_t limit = 20;  // 1..1000
  std::string data;          // the folder of a stopped master; empty: a master is asked
};

struct RunOptions {
  std::string program = "-";  // a path, or "-" for standard input
  std::string language;       // empty: by the program's file name
  std::string input;          // a path, "-" for standard input, or empty for no input
  std::optional<int> cputime_s;
  std::optional<int> memory_mb;  // 0: no limit
  std::vector<std::string> files;
  bool asynchronous = false;
  bool progress = false;  // told though standard error is no terminal
};

struct WaitOptions {
  std::string timeout;    // "30m"; empty: however long it takes
  bool progress = false;  // as above
};

struct NewKey {
  std::string name;
  std::uint32_t hourly_rate = 0;  // 0: no bound, as below
  std::uint32_t max_queued = 0;
  std::uint32_t weight = 1;
  std::string priority = "normal";
  bool no_async = false;
  std::vector<std::string> require_tags;
  std::string file;  // where the secret is, "-" for standard input, or empty to make one
};

struct NewToken {
  std::string name;
  std::string role;
  bool source = false;
};

struct LoginOptions {
  std::string url;      // empty: the master that would be asked
  std::string ca_file;  // empty: the system's certificates
};

struct AuditQuery {
  std::string who;  // empty: anybody
  std::string what;
  std::optional<std::int64_t> before;
  std::uint32_t limit = 50;
};

struct PurgeOptions {
  std::string older_than;  // "90d"
  bool dry_run = false;
  bool yes = false;
};

struct LoadTestOptions {
  std::uint32_t students = 100;
  std::uint32_t questions = 5;
  std::string language = "python3";
  std::string jobe;  // URL of Jobe's API; empty: at port 4000 of the master's host
  bool dry_run = false;
  bool yes = false;
};

struct HoldOptions {
  std::string name;  // of the agent
  std::string reason;
  bool drain = false;                       // else cordon
  std::optional<std::uint32_t> deadline_s;  // of a drain
  bool no_wait = false;                     // likewise
  bool at_once = false;                     // of a removal: without a drain
  bool yes = false;                         // of removing: do not ask
};

struct NewJoinToken {
  std::string ttl = "30m";
  std::uint32_t uses = 1;
  std::vector<std::string> tags;
  bool approve = false;
  std::string agents_address;  // empty: the master knows
  std::string revoke;          // the id of one to withdraw, instead of making one
};

Result<int> status_command(Context& context);
Result<int> top_command(Context& context);
// 0, or 1 when something failed, be it that the master does not answer.
Result<int> doctor_command(Context& context);
Result<int> languages_command(Context& context);
Result<int> list_files_command(Context& context);
Result<int> collect_files_command(Context& context, const PurgeOptions& gc);
Result<int> agents_command(Context& context);
Result<int> agent_command(Context& context, const std::string& name);
// Waits until a canary has run there in each language; 1 when one failed.
Result<int> test_agent_command(Context& context, const std::string& name);
// A drain is watched until nothing runs there any more; interrupting it leaves it in force.
Result<int> hold_command(Context& context, const HoldOptions& hold);
// Of the agent of exactly that name, whatever `hold` names.
Result<int> hold_agent(Context& context, const std::string& name, const HoldOptions& hold);
Result<int> resume_command(Context& context, const std::string& name);
Result<int> join_token_command(Context& context, const NewJoinToken& token);
// `id` as the API tells it, 8 digits.
Result<int> revoke_join_token_command(Context& context, const std::string& id);
// Asks on the terminal whether the fingerprint is right, unless `who` is it, or `yes`.
Result<int> approve_command(Context& context, const std::string& who, bool yes);
// Drains it, waits until nothing runs there, and has it forgotten.
Result<int> remove_command(Context& context, const HoldOptions& hold);
Result<int> jobs_command(Context& context, const JobsQuery& query);
// The same, from the folder of a stopped master; asks nobody.
Result<int> offline_jobs_command(Context& context, const JobsQuery& query);
// `id` is a whole id, or a start or end that only one run's has; conflict when several have it.
Result<int> job_command(Context& context, const std::string& id);
// Why it waits, host by host, or what each attempt did.
Result<int> why_command(Context& context, const std::string& id);
// conflict when the run has ended.
Result<int> cancel_command(Context& context, const std::vector<std::string>& ids);
// Prints the ids of the new runs.
Result<int> retry_command(Context& context, const std::vector<std::string>& ids);
// Until all have ended; 0 when all are ok, else 1.
Result<int> wait_command(Context& context, const std::vector<std::string>& ids,
                         const WaitOptions& options);
Result<int> tail_command(Context& context, const JobsQuery& query);
Result<int> run_command(Context& context, const RunOptions& options);
Result<int> create_key_command(Context& context, const NewKey& key);
Result<int> list_keys_command(Context& context);
// Asks on the terminal first, unless `yes`; invalid when there is no terminal to ask on.
Result<int> revoke_key_command(Context& context, const std::string& name, bool yes);

Result<int> create_token_command(Context& context, const NewToken& token);
Result<int> list_tokens_command(Context& context);
Result<int> revoke_token_command(Context& context, const std::string& name, bool yes);
// Asks for the token, or takes it from standard input; kept only if the master knows it.
Result<int> login_command(Context& context, const LoginOptions& login);
Result<int> logout_command(Context& context, const std::string& url);
Result<int> audit_command(Context& context, const AuditQuery& query);
// Returns when it is done.
Result<int> purge_command(Context& context, const PurgeOptions& purge);

// 1 when a run failed, 130 when it was interrupted.
Result<int> loadtest_command(Context& context, const LoadTestOptions& options);
// Prints the copy's path, on the master's host. `name` empty: one made of the time.
Result<int> backup_command(Context& context, const std::string& name);

// The id of the one run that `id` means, as for job_command.
Result<std::string> whole_id(Context& context, const std::string& id);
// The agent whose name is that or alone begins so; `name` itself when there is none.
Result<std::string> whole_name(Context& context, const std::string& name);

}  // namespace docket::cli
