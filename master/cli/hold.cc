// docket agents cordon, drain, resume
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"

namespace docket::cli {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(500);

Status order(Context& context, const std::string& name, const char* what, std::string body) {
  const Request request =
      make_request("POST", "/api/v1/agents/" + name + "/" + what, std::move(body));
  return carry_out(context.client, request);
}

// Until nothing runs there any more; interrupting it leaves the drain in force.
Result<int> watch_drain(Context& context, const std::string& name) {
  std::string last;
  for (;;) {
    const auto answer = fetch(context.client, "/api/v1/agents");
    if (!answer) return answer.error();
    std::string state;
    std::string now;
    for (const auto& agent : list_at(*answer, "agents")) {
      if (text_at(agent, "name") != name) continue;
      state = text_at(agent, "state");
      now = name + " is " + state + ", " + std::to_string(number_at(agent, "running")) + " running";
    }
    if (now != last) tell(now);
    last = now;
    if (state == "drained" || state == "left" || state == "lost") return 0;
    if (state != "draining") {
      return Error{ErrorCode::conflict, name + " is not being drained any more"};
    }
    std::this_thread::sleep_for(kAskEvery);
  }
}

}  // namespace

Result<int> hold_agent(Context& context, const std::string& name, const HoldOptions& hold) {
  nlohmann::json body = {{"reason", hold.reason}};
  if (hold.deadline_s) body["deadline_s"] = *hold.deadline_s;
  const char* what = hold.drain ? "drain" : "cordon";
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (const auto done = order(context, name, what, text); !done) return done.error();
  if (hold.drain && !hold.no_wait) return watch_drain(context, name);
  tell(name + " takes nothing new until docket agents resume " + name);
  return 0;
}

Result<int> hold_command(Context& context, const HoldOptions& hold) {
  const auto name = whole_name(context, hold.name);
  return name ? hold_agent(context, *name, hold) : name.error();
}

Result<int> resume_command(Context& context, const std::string& part) {
  const auto name = whole_name(context, part);
  if (!name) return name.error();
  if (const auto done = order(context, *name, "resume", "{}"); !done) return done.error();
  tell(*name + " takes work again");
  return 0;
}

}  // namespace docket::cli
