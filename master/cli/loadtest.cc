// docket loadtest
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/load_drive.h"
#include "master/cli/load_result.h"
#include "master/cli/secret.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/canary.h"

namespace docket::cli {
namespace {

volatile sig_atomic_t interrupted = 0;

// While it lives, Ctrl-C ends the test in order instead of the program at once.
class Interruptible {
 public:
  Interruptible() {
    interrupted = 0;
    struct sigaction order {};
    order.sa_handler = [](int) { interrupted = 1; };
    ::sigaction(SIGINT, &order, &int_before_);
    ::sigaction(SIGTERM, &order, &term_before_);
    ::sigaction(SIGHUP, &order, &hup_before_);  // the terminal went away
  }
  ~Interruptible() {
    ::sigaction(SIGINT, &int_before_, nullptr);
    ::sigaction(SIGTERM, &term_before_, nullptr);
    ::sigaction(SIGHUP, &hup_before_, nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction int_before_ {};
  struct sigaction term_before_ {};
  struct sigaction hup_before_ {};
};

// A key of the test's own, so that students' runs go before its. None where the API is open: the
// first key would shut everybody else out.
class OwnKey {
 public:
  static Result<std::unique_ptr<OwnKey>> make(Client& client) {
    const auto keys = fetch(client, "/api/v1/keys");
    if (!keys) return keys.error();
    auto made = std::unique_ptr<OwnKey>(new OwnKey(client));
    if (list_at(*keys, "keys").empty()) return made;
    NewKey key;
    key.name = "loadtest-" + make_secret().substr(0, 8);
    key.priority = "low";
    made->secret_ = make_secret();
    const Request request = make_request("POST", "/api/v1/keys", key_body(key, made->secret_));
    if (auto done = carry_out(client, request); !done) return done.error();
    made->name_ = key.name;
    return made;
  }
  ~OwnKey() {
    if (name_.empty()) return;
    const Request request = make_request("DELETE", "/api/v1/keys/" + name_);
    const auto done = carry_out(client_, request);
    if (!done) tell("the key " + name_ + " is still there: " + done.error().message);
  }
  OwnKey(const OwnKey&) = delete;
  OwnKey& operator=(const OwnKey&) = delete;

  const std::string& name() const { return name_; }
  const std::string& secret() const { return secret_; }

 private:
  explicit OwnKey(Client& client) : client_(client) {}

  Client& client_;
  std::string name_;
  std::string secret_;
};

Result<LoadedCluster> find_cluster(Client& client, const std::string& language) {
  const auto agents = fetch(client, "/api/v1/agents");
  if (!agents) return agents.error();
  LoadedCluster cluster;
  for (const auto& agent : list_at(*agents, "agents")) {
    const auto& languages = list_at(agent, "languages");
    const bool has = std::ranges::any_of(
        languages, [&](const Json& each) { return text_at(each, "id") == language; });
    if (!has || text_at(agent, "state") != "active") continue;
    ++cluster.hosts;
    cluster.slots += static_cast<std::uint32_t>(number_at(agent, "slots"));
  }
  if (cluster.hosts > 0) return cluster;
  return Error{ErrorCode::not_found, "no host takes runs of " + in_quotes(language)};
}

// Jobe's API at its usual port, on the host of the operations listener.
std::string usual_jobe(const std::string& master_url) {
  const auto begin = master_url.find("://") + 3;
  const auto bracket = master_url.find(']', begin);
  const auto end = master_url.find_first_of(":/", bracket == std::string::npos ? begin : bracket);
  return "http://" + master_url.substr(begin, end - begin) + ":4000";
}

std::string plan_text(const LoadTestOptions& options, const LoadedCluster& cluster,
                      const std::string& jobe) {
  return std::to_string(options.students * options.questions) + " runs of " +
         visible(options.language) + ", " + std::to_string(options.students) + " at a time, to " +
         visible(jobe) + " with " + std::to_string(cluster.slots) + " slots on " +
         std::to_string(cluster.hosts) + " hosts";
}

// Nothing when it may begin.
std::optional<Error> obstacle(Context& context, bool yes) {
  const auto status = fetch(context.client, "/api/v1/status");
  if (!status) return status.error();
  const auto busy = number_at(*status, "queued") + number_at(*status, "running");
  if (busy == 0 || yes) return std::nullopt;
  const std::string what = busy == 1 ? std::string("a run of others is under way")
                                     : std::to_string(busy) + " runs of others are under way";
  if (!somebody_is_there()) {
    return Error{ErrorCode::invalid, what + ": begin all the same with -y, or in a quiet hour"};
  }
  if (confirmed(what + ". What comes meanwhile waits longer. Begin all the same?"))
    return std::nullopt;
  return Error{ErrorCode::conflict, "nothing was begun"};
}

class Bar {
 public:
  explicit Bar(std::uint32_t runs) : runs_(runs), shown_(::isatty(STDERR_FILENO) == 1) {}
  ~Bar() {
    if (shown_) std::fprintf(stderr, "\r\x1b[K");
  }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  void show(const LoadResult& result) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(250);
    std::fprintf(stderr, "\r\x1b[K%s", load_bar(result, runs_).c_str());
    std::fflush(stderr);
  }

 private:
  const std::uint32_t runs_;
  const bool shown_;
  std::chrono::steady_clock::time_point next_;
};

Result<LoadResult> measure(Context& context, const LoadTestOptions& options,
                           const std::string& jobe) {
  const Interruptible interruptible;
  const auto key = OwnKey::make(context.client);
  if (!key) return key.error();
  tell((*key)->name().empty()
           ? "the API has no keys: these runs share the hosts with all others as equals"
           : "by the key " + (*key)->name() + " of low priority, which goes with the test");
  const LoadOrder order{.url = jobe + "/jobe/index.php/restapi/runs",
                        .api_key = (*key)->secret(),
                        .body = canary_body(options.language),
                        .students = options.students,
                        .questions = options.questions};
  Bar bar(options.students * options.questions);
  return drive_load(order, [&](const LoadResult& result) {
    bar.show(result);
    return interrupted == 0;
  });
}

}  // namespace

Result<int> loadtest_command(Context& context, const LoadTestOptions& options) {
  if (canary_body(options.language).empty()) {
    return Error{ErrorCode::invalid,
                 "there is no test program in " + in_quotes(options.language) +
                     "; there is one in c, cpp, java, nodejs, octave, pascal, php and python3"};
  }
  const auto cluster = find_cluster(context.client, options.language);
  if (!cluster) return cluster.error();
  const std::string jobe = options.jobe.empty() ? usual_jobe(context.client.url()) : options.jobe;
  tell(plan_text(options, *cluster, jobe));
  if (options.dry_run) {
    tell("nothing was run");
    return 0;
  }
  if (auto refused = obstacle(context, options.yes)) return std::move(*refused);
  const auto result = measure(context, options, jobe);
  if (!result) return result.error();
  const std::uint32_t runs = options.students * options.questions;
  if (context.as_json()) {
    print(load_json(*result, *cluster, runs).dump() + "\n");
  } else {
    print(load_text(*result, *cluster, runs));
  }
  if (interrupted != 0) tell("interrupted: waiting runs were cancelled");
  return interrupted != 0 ? 130 : result->failed() > 0 ? 1 : 0;
}

}  // namespace docket::cli
