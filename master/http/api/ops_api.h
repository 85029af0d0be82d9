// The operations listener: /api/v1, /healthz, /readyz and the status page's files. Called on the
// reactors' threads. Serves Jobe's API too, for the page and the command line.
#pragma once

#include <optional>

#include "master/core/seams.h"
#include "master/core/snapshot.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/views.h"
#include "master/http/server.h"
#include "protocol/base/published.h"

namespace docket::http {

class OpsApi {
 public:
  OpsApi(JobeApi& jobe, JobReader& jobs, const Published<Snapshot>& published, Build build);

  std::optional<Response> handle(Request&& request);

 private:
  Response api(std::string_view resource, const Request& request);
  Response list_jobs(const Request& request);
  Response show_job(std::string_view id_text);

  JobeApi& jobe_;
  JobReader& jobs_;
  const Published<Snapshot>& published_;
  const Build build_;
};

}  // namespace docket::http
