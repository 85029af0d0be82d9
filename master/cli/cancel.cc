// docket jobs cancel
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {

Result<int> cancel_command(Context& context, const std::string& id) {
  const auto whole = whole_id(context, id);
  if (!whole) return whole.error();
  const auto job = fetch(context.client, "/api/v1/jobs/" + *whole);
  if (!job) return job.error();
  const std::string state = text_at(*job, "state");
  if (state != "queued" && state != "running") {
    return Error{ErrorCode::conflict,
                 "run " + *whole + " has ended already: it is " + visible(state)};
  }
  Request request;
  request.method = "POST";
  request.path = "/api/v1/jobs/" + *whole + "/cancel";
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  std::fprintf(stderr, "docket: cancelled run %s%s\n", whole->c_str(),
               state == "running" ? "; its program goes on to its own limits, unheard" : "");
  return 0;
}

}  // namespace docket::cli
