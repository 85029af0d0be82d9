#include "master/store/rows.h"

#include <nlohmann/json.hpp>

#include "protocol/base/link_key.h"

namespace docket::store {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json to_json(const Attempt& attempt) {
  return {{"number", attempt.number},
          {"agent", attempt.agent},
          {"language_version", attempt.language_version},
          {"assigned_ms", attempt.assigned},
          {"ended_ms", attempt.ended},
          {"ending", static_cast<int>(attempt.ending)},
          {"http_status", attempt.http_status},
          {"outcome", attempt.outcome},
          {"push_ms", attempt.push_ms},
          {"run_ms", attempt.run_ms},
          {"detail", attempt.detail},
          {"late_answer_ms", attempt.late_answer}};
}

Attempt attempt_of(const json& value) {
  Attempt attempt;
  attempt.number = value.at("number").get<std::uint32_t>();
  attempt.agent = value.at("agent").get<std::string>();
  attempt.language_version = value.at("language_version").get<std::string>();
  attempt.assigned = value.at("assigned_ms").get<WallMs>();
  attempt.ended = value.at("ended_ms").get<WallMs>();
  attempt.ending = static_cast<Ending>(value.at("ending").get<std::uint8_t>());
  attempt.http_status = value.at("http_status").get<std::uint32_t>();
  attempt.outcome = value.at("outcome").get<std::uint32_t>();
  attempt.push_ms = value.at("push_ms").get<std::uint32_t>();
  attempt.run_ms = value.at("run_ms").get<std::uint32_t>();
  attempt.detail = value.at("detail").get<std::string>();
  attempt.late_answer = value.at("late_answer_ms").get<WallMs>();
  return attempt;
}

}  // namespace

Status save(Statement& save_job, const Job& job) {
  const std::string id = job.id.text();
  json attempts = json::array();
  for (const Attempt& attempt : job.attempts) attempts.push_back(to_json(attempt));
  const std::string attempts_text = dump(attempts);
  const std::string files_text = job.files.empty() ? "[]" : dump(job.files);
  save_job.bind(1, id);
  save_job.bind(2, static_cast<std::int64_t>(job.state));
  save_job.bind(3, std::int64_t{job.asynchronous});
  save_job.bind(4, job.language);
  save_job.bind(5, job.client_job);
  save_job.bind(6, std::int64_t{job.cputime_s});
  save_job.bind(7, job.received);
  save_job.bind(8, job.finished);
  save_job.bind(9, std::int64_t{job.http_status});
  save_job.bind(10, std::int64_t{job.outcome});
  save_job.bind(11, attempts_text);
  save_job.bind(12, files_text);
  save_job.bind(13, job.key);
  save_job.bind(14, job.idempotency_key);
  save_job.bind(15, job.fingerprint);
  save_job.bind_blob(16, *job.run_spec);
  if (job.result) {
    save_job.bind_blob(17, *job.result);
  } else {
    save_job.bind_null(17);
  }
  const std::string agent = job.attempts.empty() ? "" : job.attempts.back().agent;
  save_job.bind(18, agent);
  return save_job.run();
}

Status save(Statement& save_agent, const AgentRecord& agent) {
  json languages = json::array();
  for (const auto& language : agent.languages) {
    languages.push_back(json::array({language.id, language.version}));
  }
  const std::string text = dump(languages);
  save_agent.bind(1, agent.name);
  save_agent.bind(2, std::int64_t{agent.slots});
  save_agent.bind(3, std::int64_t{agent.weight_percent});
  save_agent.bind(4, text);
  save_agent.bind(5, static_cast<std::int64_t>(agent.hold));
  save_agent.bind(6, agent.hold_reason);
  const std::string tags = dump(agent.tags);
  save_agent.bind(7, tags);
  return save_agent.run();
}

Status save(Statement& save_key, const ApiKey& key) {
  save_key.bind(1, key.name);
  save_key.bind(2, key.hash);
  save_key.bind(3, std::int64_t{key.hourly_rate});
  save_key.bind(4, std::int64_t{key.max_queued});
  save_key.bind(5, std::int64_t{key.weight});
  save_key.bind(6, static_cast<std::int64_t>(key.priority));
  save_key.bind(7, std::int64_t{key.may_async});
  save_key.bind(8, key.created);
  const std::string tags = dump(key.tags);
  save_key.bind(9, tags);
  return save_key.run();
}

Status save(Statement& save_agent_key, const AgentKey& key) {
  save_agent_key.bind(1, key.name);
  save_agent_key.bind(2, key.public_key);
  save_agent_key.bind(3, static_cast<std::int64_t>(key.trust));
  save_agent_key.bind(4, key.joined);
  return save_agent_key.run();
}

Status save(Statement& save_join_token, const JoinTokenRecord& token) {
  save_join_token.bind(1, token.id);
  save_join_token.bind(2, token.expires);
  save_join_token.bind(3, std::int64_t{token.uses});
  save_join_token.bind(4, std::int64_t{token.approve});
  const std::string tags = dump(token.tags);
  save_join_token.bind(5, tags);
  return save_join_token.run();
}

Status save(Statement& save_access, const AccessToken& token) {
  save_access.bind(1, token.name);
  save_access.bind(2, token.hash);
  save_access.bind(3, static_cast<std::int64_t>(token.role));
  save_access.bind(4, std::int64_t{token.source});
  save_access.bind(5, token.created);
  return save_access.run();
}

Result<Job> read_job(const Statement& row, bool whole) {
  const auto id = JobId::parse(row.text(0));
  if (!id) return Error{ErrorCode::corrupt, "database: bad job id '" + row.text(0) + "'"};
  Job job;
  job.id = *id;
  job.state = static_cast<JobState>(row.integer(1));
  job.asynchronous = row.integer(2) != 0;
  job.language = row.text(3);
  job.client_job = row.text(4);
  job.cputime_s = static_cast<std::uint32_t>(row.integer(5));
  job.received = row.integer(6);
  job.finished = row.integer(7);
  job.http_status = static_cast<int>(row.integer(8));
  job.outcome = static_cast<std::uint32_t>(row.integer(9));
  try {
    for (const auto& attempt : json::parse(row.text(10))) {
      job.attempts.push_back(attempt_of(attempt));
    }
    job.files = json::parse(row.text(11)).get<std::vector<std::string>>();
  } catch (const json::exception& e) {
    return Error{ErrorCode::corrupt, "database: job " + job.id.text() + ": " + e.what()};
  }
  job.key = row.text(12);
  job.idempotency_key = row.text(13);
  job.fingerprint = row.text(14);
  if (whole) {
    job.run_spec = std::make_shared<const std::string>(row.text(15));
    if (!row.is_null(16)) job.result = std::make_shared<const std::string>(row.text(16));
  }
  return job;
}

Result<ApiKey> read_key(const Statement& row) {
  ApiKey key;
  key.name = row.text(0);
  key.hash = row.text(1);
  key.hourly_rate = static_cast<std::uint32_t>(row.integer(2));
  key.max_queued = static_cast<std::uint32_t>(row.integer(3));
  key.weight = static_cast<std::uint32_t>(row.integer(4));
  key.priority = static_cast<Priority>(row.integer(5));
  key.may_async = row.integer(6) != 0;
  key.created = row.integer(7);
  try {
    key.tags = json::parse(row.text(8)).get<std::vector<std::string>>();
  } catch (const json::exception& e) {
    return Error{ErrorCode::corrupt, "database: key " + key.name + ": " + e.what()};
  }
  return key;
}

Result<AgentKey> read_agent_key(const Statement& row) {
  AgentKey key;
  key.name = row.text(0);
  key.public_key = row.text(1);
  const auto trust = row.integer(2);
  // Who is let in must not hang on a guess.
  if (!is_link_key(key.public_key) || trust < 1 || trust > static_cast<std::int64_t>(kLastTrust)) {
    return Error{ErrorCode::corrupt, "database: the link key of agent " + key.name + " is none"};
  }
  key.trust = static_cast<Trust>(trust);
  key.joined = row.integer(3);
  return key;
}

Result<JoinTokenRecord> read_join_token(const Statement& row) {
  JoinTokenRecord token;
  token.id = row.text(0);
  token.expires = row.integer(1);
  token.uses = static_cast<std::uint32_t>(row.integer(2));
  token.approve = row.integer(3) != 0;
  try {
    token.tags = json::parse(row.text(4)).get<std::vector<std::string>>();
  } catch (const json::exception& e) {
    return Error{ErrorCode::corrupt, "database: token " + token.id + ": " + e.what()};
  }
  return token;
}

Result<AccessToken> read_access(const Statement& row) {
  AccessToken token;
  token.name = row.text(0);
  token.hash = row.text(1);
  token.role = static_cast<Role>(row.integer(2));
  if (role_name(token.role) == "unknown") {
    return Error{ErrorCode::corrupt, "database: token " + token.name + " has no role " +
                                         std::to_string(row.integer(2))};
  }
  token.source = row.integer(3) != 0;
  token.created = row.integer(4);
  return token;
}

Result<Restored::Named> read_named(const Statement& row) {
  const auto id = JobId::parse(row.text(0));
  if (!id) return Error{ErrorCode::corrupt, "database: bad job id '" + row.text(0) + "'"};
  return Restored::Named{*id, row.text(1), row.text(2), row.text(3), row.integer(4)};
}

Result<AgentRecord> read_agent(const Statement& row) {
  AgentRecord agent;
  agent.name = row.text(0);
  agent.slots = static_cast<std::uint32_t>(row.integer(1));
  agent.weight_percent = static_cast<std::uint32_t>(row.integer(2));
  try {
    for (const auto& language : json::parse(row.text(3))) {
      agent.languages.push_back(
          {language.at(0).get<std::string>(), language.at(1).get<std::string>()});
    }
    agent.tags = json::parse(row.text(6)).get<std::vector<std::string>>();
  } catch (const json::exception& e) {
    return Error{ErrorCode::corrupt, "database: agent " + agent.name + ": " + e.what()};
  }
  const auto hold = row.integer(4);
  if (hold < 0 || hold > static_cast<std::int64_t>(kLastHold)) {
    return Error{ErrorCode::corrupt,
                 "database: agent " + agent.name + " has no hold " + std::to_string(hold)};
  }
  agent.hold = static_cast<Hold>(hold);
  agent.hold_reason = row.text(5);
  return agent;
}

}  // namespace docket::store
