// docket jobs list --offline
#include "master/offline/jobs.h"

#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {

Result<int> offline_jobs_command(Context& context, const JobsQuery& query) {
  const std::string path = jobs_path(query);
  const auto body = offline::list_jobs(query.data, path.substr(path.find('?') + 1));
  if (!body) return Error{body.error().code, visible(body.error().message)};
  print(list_text(*body, {"jobs", "id", jobs_text, {}}, context.format, context.look()));
  return 0;
}

}  // namespace docket::cli
