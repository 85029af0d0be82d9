// docket jobs purge
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(500);

Request purge_request(std::int64_t older_than_s, bool dry_run) {
  return make_request("POST", "/api/v1/jobs/purge",
                      Json{{"older_than_s", older_than_s}, {"dry_run", dry_run}}.dump());
}

// How many runs that old still have their bodies.
Result<std::int64_t> left(Context& context, std::int64_t older_than_s) {
  const Request request = purge_request(older_than_s, true);
  const auto reply = context.client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 200) return error_of(context.client, request, *reply);
  const auto answer = parse_object(context.client, reply->body);
  if (!answer) return answer.error();
  return number_at(*answer, "jobs");
}

// Interrupting it leaves the order in force. Meanwhile others grow old enough, and are not meant.
Status watch(Context& context, std::int64_t older_than_s) {
  for (std::int64_t last = -1;;) {
    const std::int64_t passed_s = (read_clock().wall - context.now) / 1'000 + 1;
    const auto now = left(context, older_than_s + passed_s);
    if (!now) return now.error();
    if (*now == 0) return ok_status();
    if (*now != last) tell(std::to_string(*now) + " left");
    last = *now;
    std::this_thread::sleep_for(kAskEvery);
  }
}

}  // namespace

Result<int> purge_command(Context& context, const PurgeOptions& purge) {
  const auto older_than_s = seconds_of(purge.older_than);
  if (!older_than_s) {
    return Error{ErrorCode::invalid, "--older-than: " + in_quotes(purge.older_than) +
                                         " is no age such as 12h, 90d or 26w"};
  }
  const auto jobs = left(context, *older_than_s);
  if (!jobs) return jobs.error();
  if (context.as_json()) {
    print(Json{{"jobs", *jobs}, {"dry_run", purge.dry_run}}.dump() + "\n");
  }
  const std::string what = std::to_string(*jobs) + " finished runs older than " + purge.older_than +
                           " still have what was submitted and printed";
  if (purge.dry_run || *jobs == 0) {
    tell(what);
    return 0;
  }
  if (!purge.yes && !somebody_is_there()) {
    return Error{ErrorCode::invalid, what +
                                         "; it cannot be brought back: confirm with -y. See docket "
                                         "jobs purge --help"};
  }
  if (!purge.yes && !confirmed(what + ". Delete that? It cannot be brought back.")) {
    tell("nothing was purged");
    return 1;
  }
  const Request order = purge_request(*older_than_s, false);
  if (const auto done = carry_out(context.client, order); !done) return done.error();
  if (const auto gone = watch(context, *older_than_s); !gone) return gone.error();
  tell("purged " + std::to_string(*jobs) + " runs; copies made by docket backup still have them");
  return 0;
}

}  // namespace docket::cli
