// The operations listener: /api/v1, /metrics, /healthz, /readyz and the status page's files. Called
// on the reactors' threads. Serves Jobe's API too, for the page and the command line.
//
// Every route names what its caller must have, and every one that changes something its action in
// the audit; who asks is known before a handler is called.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/http/api/access_gate.h"
#include "master/http/api/backup_requests.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/jobs_query.h"
#include "master/http/api/metrics.h"
#include "master/http/api/new_join_token.h"
#include "master/http/api/routes.h"
#include "master/http/api/self_view.h"
#include "master/http/api/views.h"
#include "master/http/server.h"
#include "protocol/base/published.h"
#include "web/assets.h"

namespace docket::http {

// What the API asks; all of it outlives it.
struct OpsParts {
  JobeApi& jobe;
  JobReader& jobs;
  FileCatalog& files;
  AuditReader& audit;
  BackupRequests& backups;
  AccessGate& gate;
  const MetricsPage& metrics;
  const Published<Snapshot>& published;
  std::function<SelfFacts()> self;  // called from any thread
};

class OpsApi {
 public:
  using Call = OpsCall;
  using Post = std::function<void(Event)>;
  // A command, and what the audit says when it was carried out.
  using Order = std::function<void(Event, AuditEntry)>;

  OpsApi(Post post, Order order, OpsParts parts, Build build, LinkFacts link,
         std::vector<std::string> names);

  static std::span<const Route<OpsApi>> routes();

  // The answer, or nothing when the loop will give it. A foreign page's request is refused: a
  // browser that reaches this listener must not lend it its way in.
  std::optional<Response> handle(Request&& request);
  static Response response_to(const CommandDone& done);
  static Response response_to(const Explained& explained);

 private:
  std::optional<Response> status(Call&& call, const std::string& id);
  std::optional<Response> history(Call&& call, const std::string& id);
  std::optional<Response> agents(Call&& call, const std::string& id);
  std::optional<Response> link(Call&& call, const std::string& id);
  std::optional<Response> create_join_token(Call&& call, const std::string& id);
  std::optional<Response> revoke_join_token(Call&& call, const std::string& id);
  std::optional<Response> approve(Call&& call, const std::string& id);
  std::optional<Response> remove_agent(Call&& call, const std::string& id);
  std::optional<Response> cordon(Call&& call, const std::string& id);
  std::optional<Response> drain(Call&& call, const std::string& id);
  std::optional<Response> resume(Call&& call, const std::string& id);
  std::optional<Response> test_agent(Call&& call, const std::string& id);
  std::optional<Response> hold(Call&& call, const std::string& name, Hold hold);
  std::optional<Response> show_job(Call&& call, const std::string& id);
  std::optional<Response> explain_job(Call&& call, const std::string& id);
  std::optional<Response> cancel_job(Call&& call, const std::string& id);
  std::optional<Response> list_keys(Call&& call, const std::string& id);
  std::optional<Response> create_key(Call&& call, const std::string& id);
  std::optional<Response> revoke_key(Call&& call, const std::string& id);
  std::optional<Response> backup(Call&& call, const std::string& id);
  std::optional<Response> metrics(Call&& call, const std::string& id);
  std::optional<Response> doctor(Call&& call, const std::string& id);
  std::optional<Response> healthz(Call&& call, const std::string& id);
  std::optional<Response> readyz(Call&& call, const std::string& id);

  // ops_lists.cc
  std::optional<Response> list_jobs(Call&& call, const std::string& id);
  std::optional<Response> retry_job(Call&& call, const std::string& id);
  std::optional<Response> submit_run(Call&& call, const std::string& id);
  std::optional<Response> list_files(Call&& call, const std::string& id);
  std::optional<Response> remove_file(Call&& call, const std::string& id);
  std::optional<Response> remove_unused_files(Call&& call, const std::string& id);
  Response page_or_file(const web::Asset& file, const Request& request);
  Result<JobPage> find_page(const QueryFields& asked, WallMs now);
  // Whether runs may be made under that name; the empty one is no key.
  bool has_key(const std::string& name) const;

  // ops_access.cc
  std::optional<Response> show_session(Call&& call, const std::string& id);
  std::optional<Response> begin_session(Call&& call, const std::string& id);
  std::optional<Response> end_session(Call&& call, const std::string& id);
  std::optional<Response> list_tokens(Call&& call, const std::string& id);
  std::optional<Response> create_token(Call&& call, const std::string& id);
  std::optional<Response> revoke_token(Call&& call, const std::string& id);
  std::optional<Response> list_audit(Call&& call, const std::string& id);
  std::optional<Response> purge_jobs(Call&& call, const std::string& id);

  // The caller of what needs that, or what to answer instead.
  std::variant<Caller, Response> let_in(const Request& request, Need need);
  std::optional<Response> handle_jobe(Request&& request);
  // What stands at no route: the page's files, and refusals.
  Response other(const Request& request, std::string allow);
  // Has the core carry out the call's action. `why` empty: what the caller's header says.
  void order(const Call& call, std::string on, std::string why, Event command);
  static AuditEntry entry_of(const Call& call, std::string on, std::string why = {}) {
    return entry_of(call, call.caller, call.action, std::move(on), std::move(why));
  }
  static AuditEntry entry_of(const Request& request, const Caller& caller, std::string_view action,
                             std::string on, std::string why);
  // The job of that id, or what to answer instead.
  std::variant<Job, Response> find(const std::string& id_text);

  const Post post_;
  const Order order_;
  const OpsParts parts_;
  const Build build_;
  const LinkFacts link_;
  const std::vector<std::string> names_;  // of this listener, besides addresses and localhost
};

}  // namespace docket::http
