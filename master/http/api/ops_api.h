// The operations listener: /api/v1, /healthz, /readyz and the status page's files. Called on the
// reactors' threads. Serves Jobe's API too, for the page and the command line.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/http/api/backup_requests.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/new_token.h"
#include "master/http/api/routes.h"
#include "master/http/api/views.h"
#include "master/http/server.h"
#include "protocol/base/published.h"

namespace docket::http {

class OpsApi {
 public:
  OpsApi(std::function<void(Event)> post, JobeApi& jobe, JobReader& jobs, BackupRequests& backups,
         const Published<Snapshot>& published, Build build, LinkFacts link,
         std::vector<std::string> names);

  static std::span<const Route<OpsApi>> routes();

  // The answer, or nothing when the loop will give it. A foreign page's request is refused: a
  // browser that reaches this listener must not lend it its way in.
  std::optional<Response> handle(Request&& request);
  static Response response_to(const CommandDone& done);
  static Response response_to(const Explained& explained);

 private:
  std::optional<Response> status(Request&& request, const std::string& id);
  std::optional<Response> agents(Request&& request, const std::string& id);
  std::optional<Response> link(Request&& request, const std::string& id);
  std::optional<Response> create_token(Request&& request, const std::string& id);
  std::optional<Response> approve(Request&& request, const std::string& id);
  std::optional<Response> remove_agent(Request&& request, const std::string& id);
  std::optional<Response> cordon(Request&& request, const std::string& id);
  std::optional<Response> drain(Request&& request, const std::string& id);
  std::optional<Response> resume(Request&& request, const std::string& id);
  std::optional<Response> hold(Request&& request, const std::string& name, Hold hold);
  std::optional<Response> list_jobs(Request&& request, const std::string& id);
  std::optional<Response> show_job(Request&& request, const std::string& id);
  std::optional<Response> explain_job(Request&& request, const std::string& id);
  std::optional<Response> cancel_job(Request&& request, const std::string& id);
  std::optional<Response> list_keys(Request&& request, const std::string& id);
  std::optional<Response> create_key(Request&& request, const std::string& id);
  std::optional<Response> revoke_key(Request&& request, const std::string& id);
  std::optional<Response> backup(Request&& request, const std::string& id);
  std::optional<Response> healthz(Request&& request, const std::string& id);
  std::optional<Response> readyz(Request&& request, const std::string& id);

  // The job of that id, or what to answer instead.
  std::variant<Job, Response> find(const std::string& id_text);

  std::function<void(Event)> post_;
  JobeApi& jobe_;
  JobReader& jobs_;
  BackupRequests& backups_;
  const Published<Snapshot>& published_;
  const Build build_;
  const LinkFacts link_;
  const std::vector<std::string> names_;  // of this listener, besides addresses and localhost
};

}  // namespace docket::http
