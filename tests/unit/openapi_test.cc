// Holds the API's document against the route tables, and the master's answers against its schemas.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "master/http/api/access_requests.h"
#include "master/http/api/files_order.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/new_join_token.h"
#include "master/http/api/new_key.h"
#include "master/http/api/ops_api.h"
#include "master/http/api/views.h"
#include "web/assets.h"

using namespace docket;
using namespace docket::http;
using nlohmann::json;

namespace {

constexpr const char* kDocumentPath = "/api/v1/openapi.json";
constexpr const char* kJobePrefix = "/jobe/index.php/restapi/";
constexpr WallMs kNow = 1'767'323'045'678;

const json& document() {
  static const json parsed = [] {
    const web::Asset* asset = web::find_asset(kDocumentPath);
    REQUIRE(asset != nullptr);
    CHECK(asset->content_type == "application/json");
    return json::parse(asset->content);
  }();
  return parsed;
}

// "get /healthz", as the document writes routes.
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

template <class Api>
void add_routes(const std::string& prefix, std::set<std::string>& out) {
  for (const auto& route : Api::routes()) {
    std::string path = prefix + std::string(route.pattern);
    if (path.ends_with("{alnum}")) path.replace(path.size() - 7, 7, "{id}");
    out.insert(lower(route.method) + " " + path);
  }
}

bool is_method(const std::string& word) {
  static const std::set<std::string> kMethods = {"get",     "put",  "post",  "delete",
                                                 "options", "head", "patch", "trace"};
  return kMethods.contains(word);
}

// visit(method, path, path item, operation) for each.
template <class Visit>
void each_operation(Visit visit) {
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [word, operation] : item.items()) {
      if (is_method(word)) visit(word, path, item, operation);
    }
  }
}

template <class Visit>
void each_object(const json& value, Visit visit) {
  if (value.is_object()) visit(value);
  if (!value.is_structured()) return;
  for (const auto& child : value) each_object(child, visit);
}

// What a "$ref" stands for; others stand for themselves.
const json& resolved(const json& value) {
  if (!value.is_object() || !value.contains("$ref")) return value;
  return document().at(json::json_pointer(value["$ref"].get<std::string>().substr(1)));
}

bool is_of(const std::string& type, const json& value) {
  if (type == "null") return value.is_null();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

bool is_of_type(const json& schema, const json& value) {
  if (!schema.contains("type")) return true;
  const json& type = schema["type"];
  if (type.is_string()) return is_of(type, value);
  return std::ranges::any_of(type, [&](const json& one) { return is_of(one, value); });
}

// Where and why `value` is not what `schema` says; empty when it is. For the part of JSON Schema
// that the document uses; lengths, ranges and patterns are for people.
std::string misfit(const json& schema_or_ref, const json& value, const std::string& where) {
  const json& schema = resolved(schema_or_ref);
  if (!is_of_type(schema, value)) return where + " is of another type: " + value.dump();
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end()) {
    return where + " is none of its values: " + value.dump();
  }
  if (schema.contains("oneOf")) {
    const auto fitting = std::ranges::count_if(
        schema["oneOf"], [&](const json& one) { return misfit(one, value, where).empty(); });
    if (fitting != 1) return where + " fits " + std::to_string(fitting) + " of oneOf";
  }
  if (value.is_array() && schema.contains("items")) {
    for (const auto& element : value) {
      if (auto why = misfit(schema["items"], element, where + "[]"); !why.empty()) return why;
    }
  }
  if (!value.is_object()) return "";
  for (const auto& name : schema.value("required", json::array())) {
    if (!value.contains(name)) return where + " lacks " + name.get<std::string>();
  }
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, member] : value.items()) {
    if (!properties.contains(name)) {
      if (!schema.value("additionalProperties", true)) return where + " has " + name + " besides";
      continue;
    }
    if (auto why = misfit(properties[name], member, where + "." + name); !why.empty()) return why;
  }
  return "";
}

void check_answer(const char* schema, const std::string& answer) {
  const json reference = {{"$ref", std::string("#/components/schemas/") + schema}};
  const json value = json::parse(answer);
  CHECK(misfit(reference, value, schema) == "");
}

Why waiting() {
  Why why;
  why.summary = "It is next.";
  why.ahead = {{"exams", 2, true}};
  why.retry_in_ms = why.gives_up_in_ms = 100;
  for (int obstacle = 0; obstacle <= static_cast<int>(Obstacle::full); ++obstacle) {
    why.hosts.push_back({"lab-1", AgentState::active, kNow, static_cast<Obstacle>(obstacle), "r"});
  }
  return why;
}

Snapshot busy_snapshot() {
  Snapshot snapshot;
  snapshot.taken = kNow;
  snapshot.last_refused = kNow;
  snapshot.last_refusal = "the queue is full: 1 jobs";
  snapshot.languages = {{"python3", "3.11.2"}};
  for (const AgentState state : {AgentState::active, AgentState::suspect, AgentState::draining,
                                 AgentState::lost, AgentState::left}) {
    AgentView agent;
    agent.name = std::string(agent_state_name(state));
    agent.state = state;
    agent.since = state == AgentState::lost ? 0 : kNow;
    agent.languages = snapshot.languages;
    if (state == AgentState::active) agent.host = HostReport{4, 75, 5'210, 18'400};
    agent.tags = {"exam"};
    if (state == AgentState::lost) {
      agent.test = AgentTest{kNow, {{snapshot.languages[0], AgentTest::Result::failed, "gone"}}};
    }
    snapshot.agents.push_back(agent);
  }
  return snapshot;
}

Job job_in(JobState state) {
  Job job;
  job.id = JobId{std::uint64_t{kNow} << 16, 7};
  job.state = state;
  job.language = "python3";
  job.received = kNow - 1'000;
  job.run_spec = std::make_shared<const std::string>(R"({"run_spec":{"language_id":"python3"}})");
  return job;
}

std::vector<Job> jobs_of_all_kinds() {
  std::vector<Job> jobs;
  for (int state = 1; state <= static_cast<int>(kLastJobState); ++state) {
    Job job = job_in(static_cast<JobState>(state));
    jobs.push_back(job);
    if (job.state == JobState::queued) continue;
    for (int ending = 0; ending <= static_cast<int>(Ending::forgotten); ++ending) {
      if (ending_name(static_cast<Ending>(ending)) == "unknown") continue;
      Attempt attempt;
      attempt.number = static_cast<std::uint32_t>(ending + 1);
      attempt.assigned = kNow - 900;
      attempt.ended = ending == 0 ? 0 : kNow;
      attempt.ending = static_cast<Ending>(ending);
      attempt.late_answer = ending % 2 == 0 ? 0 : kNow;
      job.attempts.push_back(attempt);
    }
    if (is_final(job.state)) {
      job.finished = kNow;
      job.http_status = 200;
      job.outcome = 15;
      job.result = std::make_shared<const std::string>(R"({"outcome":15})");
    }
    jobs.push_back(job);
  }
  Job rejected = jobs.back();
  rejected.http_status = 400;
  rejected.outcome = 0;
  rejected.run_spec = std::make_shared<const std::string>("no JSON");
  rejected.result = std::make_shared<const std::string>("\"Invalid file specifier\"");
  jobs.push_back(rejected);
  return jobs;
}

}  // namespace

TEST_SUITE("openapi") {
  TEST_CASE("the document has every route, and nothing else") {
    CHECK(document()["openapi"].get<std::string>().starts_with("3.1."));
    std::set<std::string> routes = {std::string("get ") + kDocumentPath};  // a file of web/
    add_routes<JobeApi>(kJobePrefix, routes);
    add_routes<OpsApi>("", routes);
    std::set<std::string> documented;
    each_operation([&](const std::string& method, const std::string& path, const json&,
                       const json&) { documented.insert(method + " " + path); });
    for (const auto& route : routes) CHECK_MESSAGE(documented.contains(route), route);
    for (const auto& route : documented) CHECK_MESSAGE(routes.contains(route), route);
  }

  TEST_CASE("each operation of the operations API says what its caller needs, as the route does") {
    const std::map<Need, std::string> words = {{Need::nothing, "nothing"},
                                               {Need::read, "read"},
                                               {Need::operate, "operate"},
                                               {Need::admin, "admin"}};
    for (const auto& route : OpsApi::routes()) {
      CAPTURE(route.pattern);
      const json& operation = document()["paths"][std::string(route.pattern)][lower(route.method)];
      REQUIRE(words.contains(route.need));
      CHECK(operation.value("x-docket-need", "") == words.at(route.need));
      CHECK(operation["security"].empty() == (route.need == Need::nothing));
    }
  }

  TEST_CASE("a new token's example is accepted") {
    const json& body = document()["paths"]["/api/v1/tokens"]["post"]["requestBody"];
    CHECK(read_new_token(body["content"]["application/json"]["example"].dump()).ok());
  }

  TEST_CASE("each operation has a name, a summary, its successes and its errors") {
    std::set<std::string> ids;
    std::set<std::string> tags;
    for (const auto& tag : document()["tags"]) tags.insert(tag["name"]);
    each_operation([&](const std::string& method, const std::string& path, const json& item,
                       const json& operation) {
      CAPTURE(method);
      CAPTURE(path);
      CHECK(ids.insert(operation.value("operationId", "")).second);
      CHECK_FALSE(operation.value("operationId", "").empty());
      CHECK_FALSE(operation.value("summary", "").empty());
      CHECK_FALSE(operation.value("description", "").empty());
      CHECK(operation.contains("security"));
      for (const auto& tag : operation["tags"]) CHECK(tags.contains(tag));
      bool succeeds = false;
      for (const auto& [status, response] : operation["responses"].items()) {
        succeeds = succeeds || status.starts_with("2");
        const json& meant = resolved(response);
        CHECK_FALSE(meant.value("description", "").empty());
        if (status == "204") CHECK_FALSE(meant.contains("content"));
      }
      CHECK(succeeds);
      CHECK(operation["responses"].contains("default"));
      const bool has_body = (method == "put" || method == "post") && !path.ends_with("/cancel") &&
                            !path.ends_with("/retry") && !path.ends_with("/resume") &&
                            !path.ends_with("/approve") && !path.ends_with("/test");
      CHECK(has_body == operation.contains("requestBody"));
      json parameters = item.value("parameters", json::array());
      for (const auto& own : operation.value("parameters", json::array()))
        parameters.push_back(own);
      bool has_id = false;
      for (const auto& parameter : parameters) {
        CHECK_FALSE(resolved(parameter).value("description", "").empty());
        has_id = has_id || resolved(parameter)["in"] == "path";
      }
      CHECK(has_id == (path.find('{') != std::string::npos));
    });
  }

  TEST_CASE("every reference resolves, and every component is referred to") {
    std::set<std::string> used;
    each_object(document(), [&](const json& object) {
      if (!object.contains("$ref")) return;
      const std::string target = object["$ref"];
      CAPTURE(target);
      REQUIRE(target.starts_with("#/"));
      CHECK(document().contains(json::json_pointer(target.substr(1))));
      used.insert(target);
    });
    for (const auto& [kind, components] : document()["components"].items()) {
      if (kind == "securitySchemes") continue;  // named, not referred to
      for (const auto& [name, component] : components.items()) {
        const std::string target = "#/components/" + kind + "/" + name;
        CHECK_MESSAGE(used.contains(target), target);
      }
    }
  }

  TEST_CASE("the examples are what the schemas say, and are there") {
    int examples = 0;
    each_object(document(), [&](const json& object) {
      if (!object.contains("example") || !object.contains("schema")) return;
      ++examples;
      CHECK(misfit(object["schema"], object["example"], "example") == "");
    });
    CHECK(examples > 40);
    CHECK(misfit({{"type", "string"}}, 7, "x") == "x is of another type: 7");
    CHECK(misfit({{"type", "object"}, {"required", {"a"}}}, json::object(), "x") == "x lacks a");
    CHECK(misfit({{"type", "object"}, {"additionalProperties", false}}, {{"b", 1}}, "x") ==
          "x has b besides");
  }

  TEST_CASE("a new key's example is accepted, and its defaults are the code's") {
    const json& body = document()["paths"]["/api/v1/keys"]["post"]["requestBody"];
    json key = body["content"]["application/json"]["example"];
    for (const auto& [name, schema] :
         document()["components"]["schemas"]["NewKey"]["properties"].items()) {
      if (schema.contains("default")) key[name] = schema["default"];
    }
    const auto made = read_new_key(key.dump());
    REQUIRE(made.ok());
    CHECK(made->hourly_rate == ApiKey().hourly_rate);
    CHECK(made->max_queued == ApiKey().max_queued);
    CHECK(made->weight == ApiKey().weight);
    CHECK(made->priority == ApiKey().priority);
    CHECK(made->may_async == ApiKey().may_async);
  }

  TEST_CASE("the operations API answers what its schemas say, to the member") {
    Snapshot busy = busy_snapshot();
    check_answer("Status", status_json(Snapshot(), {"0.1.0", kNow}));
    check_answer("Status", status_json(busy, {"0.1.0", kNow}));
    busy.awaiting = {{"lab-7", "0a1b", kNow}};
    busy.join_tokens = {{std::string(64, 'b'), kNow, 3, true, {"exam"}}};
    check_answer("Link", link_json(Snapshot(), "", "127.0.0.1:4002"));
    check_answer("Link", link_json(busy, std::string(64, 'a'), "lab:4002"));
    SelfFacts self{.jobe_listen = "0.0.0.0:4000", .store = {}};
    Snapshot open;
    open.access = std::make_shared<const AccessTokens>();
    check_answer("Self", self_json(open, {"0.1.0", kNow}, self, kNow));
    self.store.journal.commit_seconds.add(0.002);
    check_answer("Self", self_json(open, {"0.1.0", kNow}, self, kNow));
    CHECK(json::parse(self_json(open, {"0.1.0", kNow}, self, kNow))["commits"]["p95_seconds"] ==
          0.0025);
    const auto token = read_new_join_token(
        R"({"uses":3,"tags":["exam"],"approve":true,"ttl_s":60,"master":"lab:4002"})",
        {std::string(64, 'a'), {"127.0.0.1", 4002}}, kNow);
    REQUIRE_MESSAGE(token.ok(), token.error().message);
    check_answer("MadeJoinToken", token->answer);
    Snapshot counted = busy;
    counted.recent.wait_p95_s = 1.25;
    counted.recent.run_p95_s = 0;
    check_answer("Status", status_json(counted, {"0.1.0", kNow}));
    History history{kNow, {HistoryStep(), HistoryStep{true, 2, 1, 0, {1, 4, 4, 1'500}}}};
    counted.history = std::make_shared<const History>(history);
    check_answer("History", history_json(counted));
    const json told = json::parse(history_json(counted));
    CHECK(told["series"]["arrived"] == json::array({nullptr, 2}));
    CHECK(told["series"]["oldest_wait_seconds"] == json::array({nullptr, 1.5}));
    check_answer("Agents", agents_json(Snapshot()));
    check_answer("Agents", agents_json(busy));
    const std::vector<Job> jobs = jobs_of_all_kinds();
    CHECK(jobs.size() > 10);
    check_answer("Jobs", jobs_json({jobs, {}}, kNow));
    check_answer("Jobs", jobs_json({jobs, jobs[0].id}, kNow));
    check_answer("Files", files_json({}, {}));
    check_answer("Files", files_json({1, 4'096, 4'096, 1 << 20}, {{"abc", 4'096, kNow, true}}));
    check_answer("FilesRemoved", removed_json(1'000, true));
    for (const Job& job : jobs) {
      check_answer("Job", job_json(job, kNow, true));
      check_answer("Job", job_json(job, kNow, false));
    }
    Job purged = job_in(JobState::done);
    purged.run_spec = std::make_shared<const std::string>();
    check_answer("Job", job_json(purged, kNow, true));
    CHECK(json::parse(job_json(purged, kNow, false))["bodies"] == "purged");
    for (const Job& job : jobs) check_answer("Why", why_json(why_not_waiting(job)));
    check_answer("Why", why_json(waiting()));
    check_answer("Backup", backup_json({"/var/lib/docket/backups/a.db", 4'096, 1}));
    check_answer("Tokens", tokens_json({}));
    check_answer("Tokens", tokens_json({{"ana", {"ana", "hash", Role::admin, true, kNow}}}));
    CHECK(tokens_json({{"ana", {"ana", "hash", Role::admin, true, kNow}}}).find("hash") ==
          std::string::npos);
    check_answer("Session", session_json({"ana", Role::read, false, "10.0.0.7"}));
    check_answer("Audit", audit_json({}, 50));
    check_answer("Audit", audit_json({{7, {kNow, "ana", "backup", "b.db", "", "::1"}}}, 1));
    check_answer("Purge", purge_json(7, true));
    ApiKeys keys;
    check_answer("Keys", keys_json(keys));
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      ApiKey key;
      key.name = key.hash = std::string(priority_name(priority));
      key.priority = priority;
      keys.emplace(key.hash, key);
    }
    check_answer("Keys", keys_json(keys));
    // "To the member" holds only where the schemas are closed.
    for (const char* name : {"Status",  "History", "HistorySeries", "Language", "Agents",
                             "Agent",   "Jobs",    "JobSummary",    "Job",      "Attempt",
                             "Keys",    "Key",     "Host",          "Why",      "WhyHost",
                             "Ahead",   "Backup",  "Error",         "Tokens",   "Token",
                             "Session", "Audit",   "AuditEntry",    "Self",     "FilesRemoved",
                             "Purge",   "Files",   "File",          "Link",     "MadeJoinToken"}) {
      CAPTURE(name);
      const json& schema = document()["components"]["schemas"][name];
      CHECK(schema["additionalProperties"] == false);
      CHECK(schema["required"].size() == schema["properties"].size());
    }
  }

  TEST_CASE("a token's members are checked, and a plain link makes none") {
    const LinkFacts link{std::string(64, 'a'), {"queue", 4002}};
    const auto plain = read_new_join_token("{}", {}, kNow);
    REQUIRE_FALSE(plain.ok());
    CHECK(plain.error().code == ErrorCode::conflict);
    const auto usual = read_new_join_token("{}", link, kNow);
    REQUIRE(usual.ok());
    CHECK(usual->token.uses == 1);
    CHECK(usual->token.expires == kNow + 1'800'000);
    CHECK(json::parse(usual->answer)["master"] == "queue:4002");
    for (const char* body :
         {"", "[]", R"({"ttl_s":0})", R"({"ttl_s":2592001})", R"({"uses":0})", R"({"uses":"1"})",
          R"({"uses":10001})", R"({"tags":"exam"})", R"({"tags":["a b"]})", R"({"approve":1})",
          R"({"master":"lab"})", R"({"master":"lab:0"})", R"({"master":7})", R"({"name":"x"})"}) {
      const auto refused = read_new_join_token(body, link, kNow);
      REQUIRE_FALSE_MESSAGE(refused.ok(), body);
      CHECK(refused.error().code == ErrorCode::invalid);
    }
  }
}
