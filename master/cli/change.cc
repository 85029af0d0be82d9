// docket jobs cancel, retry: one run after another, each for itself.
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

using Change = Status (*)(Context& context, const std::string& id);

Status cancel(Context& context, const std::string& id) {
  const auto why = fetch(context.client, "/api/v1/jobs/" + id + "/why");
  const std::string state = why ? text_at(*why, "state") : std::string();
  if (!why && why.error().code != ErrorCode::conflict) return why.error();
  if (state != "queued" && state != "running") {
    return Error{ErrorCode::conflict, "run " + id + " has ended already" +
                                          (state.empty() ? "" : ": it is " + visible(state))};
  }
  const Request request = make_request("POST", "/api/v1/jobs/" + id + "/cancel");
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("cancelled run " + id +
       (state == "running" ? "; its program goes on to its own limits, unheard" : ""));
  return ok_status();
}

Status retry(Context& context, const std::string& id) {
  const Request request = make_request("POST", "/api/v1/jobs/" + id + "/retry");
  const auto reply = context.client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 202) return error_of(context.client, request, *reply);
  const Json made = Json::parse(reply->body, nullptr, false);
  if (!made.is_string()) return Error{ErrorCode::corrupt, "the master took the run without an id"};
  const std::string again = visible(made.get<std::string>());
  print((context.as_json() ? Json{{"id", id}, {"run_id", again}}.dump() : again) + "\n");
  return ok_status();
}

// Of one, its own error; of several each is told, and the exit code says whether any was done.
Result<int> each(Context& context, const std::vector<std::string>& ids, Change change) {
  std::size_t failed = 0;
  for (const auto& part : ids) {
    const auto id = whole_id(context, part);
    const Status done = id ? change(context, *id) : Status(id.error());
    if (done) continue;
    if (ids.size() == 1) return done.error();
    tell(done.error().message);
    ++failed;
  }
  return failed == 0 ? 0 : failed == ids.size() ? 1 : kPartly;
}

}  // namespace

Result<int> cancel_command(Context& context, const std::vector<std::string>& ids) {
  return each(context, ids, cancel);
}

Result<int> retry_command(Context& context, const std::vector<std::string>& ids) {
  return each(context, ids, retry);
}

}  // namespace docket::cli
