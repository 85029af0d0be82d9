// docket agents token, approve, remove
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"
#include "protocol/base/percent.h"
#include "protocol/messages.h"

namespace docket::cli {
namespace {

constexpr std::int64_t kMostTtlSeconds = 30 * 86'400;

// The hosts that await approval under this name or fingerprint: one or none.
Result<Json> find_awaiting(Context& context, const std::string& who) {
  const auto link = fetch(context.client, "/api/v1/link");
  if (!link) return link.error();
  std::string others;
  Json named;  // a name may look like another's fingerprint
  for (const auto& agent : list_at(*link, "awaiting")) {
    if (text_at(agent, "fingerprint") == who) return Json(agent);
    if (text_at(agent, "name") == who) named = agent;
    others += (others.empty() ? "; there are " : ", ") + text_at(agent, "name") + " " +
              text_at(agent, "fingerprint");
  }
  if (named.is_object()) return named;
  return Error{ErrorCode::not_found, "no host named " + in_quotes(who) +
                                         ", nor with that fingerprint, awaits approval" + others};
}

}  // namespace

Result<int> join_token_command(Context& context, const NewJoinToken& token) {
  const auto ttl_s = seconds_of(token.ttl);
  if (!ttl_s || *ttl_s > kMostTtlSeconds) {
    return Error{ErrorCode::invalid, "--ttl: " + in_quotes(token.ttl) +
                                         " is not a time up to 30d, as 90s, 30m, 12h or 2d"};
  }
  nlohmann::json body = {
      {"ttl_s", *ttl_s}, {"uses", token.uses}, {"tags", token.tags}, {"approve", token.approve}};
  if (!token.agents_address.empty()) body["master"] = token.agents_address;
  const Request request =
      make_request("POST", "/api/v1/agents/tokens",
                   body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const auto reply = context.client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 201) return error_of(context.client, request, *reply);
  const auto made = parse_object(context.client, reply->body);
  if (!made) return made.error();
  if (context.as_json()) {
    print(reply->body + "\n");
    return 0;
  }
  print(text_at(*made, "token") + "\n");
  tell("shown this once and kept nowhere; on each host: docket-agent join TOKEN");
  tell("withdrawn by: docket agents token --revoke " + text_at(*made, "id"));
  const auto uses = number_at(*made, "uses");
  tell("good for " + (uses == 1 ? "1 host" : std::to_string(uses) + " hosts") +
       " that can reach the master at " + text_at(*made, "master") + ", until " +
       text_at(*made, "expires") +
       (true_at(*made, "approve") ? "; then docket agents approve NAME" : ""));
  return 0;
}

Result<int> revoke_join_token_command(Context& context, const std::string& id) {
  const Request request = make_request("DELETE", "/api/v1/agents/tokens/" + percent_encoded(id));
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("no host joins by the token " + visible(id) + " any more; hosts that have joined stay");
  return 0;
}

Result<int> approve_command(Context& context, const std::string& who, bool yes) {
  const auto agent = find_awaiting(context, who);
  if (!agent) return agent.error();
  const std::string name = text_at(*agent, "name");
  const std::string fingerprint = text_at(*agent, "fingerprint");
  if (who != fingerprint && !yes) {
    if (!somebody_is_there()) {
      return Error{ErrorCode::invalid,
                   "approving by name takes whatever key has joined as " + name +
                       ": give the fingerprint that docket-agent join told on the host, or -y"};
    }
    if (!confirmed("The key of " + name + " is " + fingerprint +
                   ". Is that what docket-agent join told there?")) {
      tell(name + " was not approved");
      return 1;
    }
  }
  // By the fingerprint, so that it is the key which was looked at.
  const Request request = make_request("POST", "/api/v1/agents/" + fingerprint + "/approve");
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("approved " + name + "; its canaries come first, then runs");
  return 0;
}

Result<int> remove_command(Context& context, const HoldOptions& hold) {
  if (!acceptable_agent_name(hold.name)) {
    return Error{ErrorCode::invalid, in_quotes(hold.name) + " is no name of an agent"};
  }
  if (!hold.yes && !somebody_is_there()) {
    return Error{
        ErrorCode::invalid,
        "removing a host revokes its key: confirm with -y. See docket agents remove --help"};
  }
  if (!hold.yes && !confirmed("Remove " + hold.name + "? It comes back only by joining again.")) {
    tell(hold.name + " was not removed");
    return 1;
  }
  if (!hold.at_once) {
    const auto drained = hold_agent(context, hold.name, hold);
    // One that awaits approval has never run anything.
    if (!drained && drained.error().code != ErrorCode::not_found) return drained.error();
  }
  const Request request =
      make_request("DELETE", "/api/v1/agents/" + hold.name + (hold.at_once ? "?at_once=1" : ""));
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("removed " + hold.name + ": its key is revoked; on the host: docket-agent leave");
  return 0;
}

}  // namespace docket::cli
