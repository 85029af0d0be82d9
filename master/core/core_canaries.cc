// What canaries are sent for: letting a quarantined host back, finding out whether a host that
// answers with nothing loses what programs print, and telling an operator what a host can do.
#include <algorithm>

#include "master/core/canary.h"
#include "master/core/core.h"
#include "master/core/verdict.h"
#include "protocol/base/check.h"

namespace docket {
namespace {

void fail(AgentTest::Part& part, const std::string& problem) {
  part.result = AgentTest::Result::failed;
  part.problem = problem;
}

// Of an operator's test; `problem` is empty when it passed.
void end_part(Agent& agent, const std::string& language, const std::string& problem) {
  for (AgentTest::Part& part : agent.test->parts) {
    if (part.language.id != language || part.result != AgentTest::Result::waiting) continue;
    if (problem.empty()) {
      part.result = AgentTest::Result::passed;
    } else {
      fail(part, problem);
    }
  }
}

}  // namespace

void Core::begin_probe(Agent& agent, Now now, Effects& out) {
  agent.quarantine->untested.clear();
  for (const Language& language : agent.languages) {
    if (!canary_body(language.id).empty()) agent.quarantine->untested.push_back(language.id);
  }
  set_state(agent, AgentState::probing, agent.quarantine->reason, now, out);
  go_on_probing(agent, now, out);
}

void Core::go_on_probing(Agent& agent, Now now, Effects& out) {
  if (agent.quarantine->untested.empty()) {
    trust(agent, out);
    agent.quarantine.reset();
    agent.health.clear();
    settle(agent, now, out);
    return;
  }
  send_canary(agent, agent.quarantine->untested.back(), now, out);
  agent.occupied.emplace(agent.canary->id, kCanaryCputimeSeconds);
}

bool Core::hold_back(Agent& agent, Finished& finished, Now now, Effects& out) {
  // A silent answer is outcome 15: nobody's fault yet.
  if (finished.remark != Remark::silent || !finished.fault_signature.empty()) return false;
  LiveJob* job = live(finished.id.job);
  if (job == nullptr || !runs_as(*job, agent.name, finished.id.attempt)) return false;
  const std::string language = canary_language(job->job.language, agent.languages);
  if (language.empty()) return false;  // nothing can be proved
  const auto same = [&](const Unproven& other) { return other.answer.id == finished.id; };
  if (std::any_of(agent.unproven.begin(), agent.unproven.end(), same)) return true;
  agent.unproven.push_back({std::move(finished), language});
  if (agent.canary) give_time_to_prove(agent, now);
  if (!agent.canary) prove_output(agent, now, out);
  return true;
}

void Core::prove_output(Agent& agent, Now now, Effects& out) {
  if (agent.unproven.empty()) return;
  const std::string language = agent.unproven.front().language;
  // It runs in the slot of one of them.
  send_canary(agent, language, now, out);
  for (Unproven& each : agent.unproven) each.canary_out = each.language == language;
  give_time_to_prove(agent, now);
}

void Core::give_time_to_prove(Agent& agent, Now now) {
  // Each may have to wait for the end of another canary before its own.
  const MonoMs canary_ms = lease_ms(settings_, kCanaryCputimeSeconds) + settings_.lease_margin_ms;
  for (const Unproven& each : agent.unproven) {
    LiveJob* job = live(each.answer.id.job);
    if (job == nullptr || !runs_as(*job, agent.name, each.answer.id.attempt)) continue;
    set_deadline(*job, now.mono + 2 * canary_ms);
  }
}

void Core::send_canary(Agent& agent, const std::string& language, Now now, Effects& out) {
  CHECK_THAT(!agent.canary);
  // Unlike a past one, even of an earlier life of this master.
  const auto serial = static_cast<std::uint64_t>(now.wall) << 16 | (++canaries_ & 0xffff);
  const std::uint32_t lease = lease_ms(settings_, kCanaryCputimeSeconds);
  agent.canary = CanaryRun{.id = {{0, serial}, 1},
                           .language = language,
                           .until = now.mono + lease + settings_.lease_margin_ms};
  Assign order;
  order.id = agent.canary->id;
  order.expires_ms = now.mono + settings_.assign_expiry_ms;
  order.lease_ms = lease;
  order.language = language;
  order.body = canary_body(language);
  send(agent, std::move(order), now, out);
}

void Core::on_canary(Agent& agent, const Finished& finished, Now now, Effects& out) {
  if (!agent.canary || finished.id != agent.canary->id) return;
  const bool began_nothing = judge(finished, kCanaryWallMs) == Verdict::again;
  if (began_nothing && !agent.unproven.empty() && !agent.canary->test) {
    // It began nothing and proves nothing: check_quarantine() sends another.
    agent.canary.reset();
    for (Unproven& each : agent.unproven) each.canary_out = false;
    if (agent.state == AgentState::probing) fail_probe(agent, describe(finished), now, out);
    return;
  }
  end_canary(agent, canary_problem(finished), now, out);
}

void Core::end_canary(Agent& agent, const std::string& problem, Now now, Effects& out) {
  const CanaryRun ended = *std::exchange(agent.canary, std::nullopt);
  agent.occupied.erase(ended.id);  // if it gave no answer, its lease has passed
  const std::string told = "canary in " + ended.language + ": " + problem;
  std::vector<Unproven> due;
  for (Unproven& each : std::exchange(agent.unproven, {})) {
    (each.canary_out ? due : agent.unproven).push_back(std::move(each));
  }
  if (!due.empty() && !problem.empty()) {
    record_fault(agent, std::hash<std::string>()(canary_body(ended.language)), told, now, out);
  }
  for (Unproven& each : due) {
    if (!problem.empty()) each.answer.fault_signature = "no output, and " + told;
    conclude(agent, each.answer, now, out);
  }
  if (ended.test) {
    end_part(agent, ended.language, problem);
  } else if (agent.state == AgentState::probing && agent.quarantine && due.empty()) {
    if (problem.empty()) {
      agent.quarantine->untested.pop_back();
      go_on_probing(agent, now, out);
    } else {
      fail_probe(agent, told, now, out);
    }
  }
  if (!agent.canary) prove_output(agent, now, out);
  if (!agent.canary) go_on_testing(agent, now, out);
}

void Core::on(TestAgent& event, Now now, Effects& out) {
  Agent* agent = agents_.by_name(event.name);
  CommandDone done{event.reply_to, std::nullopt};
  if (agent == nullptr) {
    done.error = Error{ErrorCode::not_found, "there is no agent named " + event.name};
  } else if (!agent->connected()) {
    done.error = Error{ErrorCode::conflict, event.name + " is not connected"};
  } else if (agent->test && !agent->test->ended()) {
    done.error = Error{ErrorCode::conflict, event.name + " is being tested already"};
  } else {
    AgentTest test{.began = now.wall, .parts = {}};
    for (const Language& language : agent->languages) {
      AgentTest::Part part{.language = language};
      if (canary_body(language.id).empty()) {
        part.result = AgentTest::Result::untried;
        part.problem = "no program with a known output is there for it";
      }
      test.parts.push_back(std::move(part));
    }
    agent->test = std::move(test);
    go_on_testing(*agent, now, out);
  }
  out.push_back(std::move(done));
}

void Core::go_on_testing(Agent& agent, Now now, Effects& out) {
  if (!agent.test || agent.canary || agent.slots_taken() >= agent.slots) return;
  for (const AgentTest::Part& part : agent.test->parts) {
    if (part.result != AgentTest::Result::waiting) continue;
    send_canary(agent, part.language.id, now, out);
    agent.canary->test = true;
    agent.occupied.emplace(agent.canary->id, kCanaryCputimeSeconds);
    return;
  }
}

void Core::fail_probe(Agent& agent, const std::string& problem, Now now, Effects& out) {
  Agent::Quarantine& quarantine = *agent.quarantine;
  quarantine.reason = problem;
  quarantine.probe_at = now.mono + quarantine.wait_ms;
  quarantine.wait_ms = std::min<MonoMs>(quarantine.wait_ms * 2, settings_.probe_last_ms);
  set_state(agent, AgentState::quarantined, problem, now, out);
}

void Core::forget_canary(Agent& agent) {
  if (agent.test) {
    for (AgentTest::Part& part : agent.test->parts) {
      if (part.result == AgentTest::Result::waiting) fail(part, "its connection ended meanwhile");
    }
  }
  agent.canary.reset();
  agent.unproven.clear();
}

}  // namespace docket
