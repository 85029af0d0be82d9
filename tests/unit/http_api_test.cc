// The HTTP front's reading of requests: routes, preferences, keys. No sockets.
#include <doctest/doctest.h>

#include "master/http/api/jobe_api.h"
#include "master/http/api/key_gate.h"
#include "master/http/api/new_key.h"
#include "master/http/api/preferences.h"
#include "master/http/api/same_site.h"
#include "master/http/api/views.h"
#include "protocol/base/digest.h"

using namespace docket;
using namespace docket::http;

namespace {

Request with(std::vector<std::pair<std::string, std::string>> headers) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

Patience prefers(const std::string& value) {
  return patience_of(with({{"prefer", value}}));
}

std::string allow_of(std::string_view path) {
  return find_route(JobeApi::routes(), "NONE", path).allow;
}

// What the door answers; 0 when it lets the request in.
int turned_away(const std::variant<Guest, Response>& admitted) {
  const auto* refused = std::get_if<Response>(&admitted);
  return refused == nullptr ? 0 : refused->status;
}

}  // namespace

TEST_SUITE("http api") {
  TEST_CASE("routes: patterns, ids and the methods of a path") {
    CHECK(match("runs", "runs") == "");
    CHECK_FALSE(match("runs", "runs/5"));
    CHECK_FALSE(match("runs", "run"));
    CHECK(match("runresults/{id}", "runresults/a-b") == "a-b");
    CHECK_FALSE(match("runresults/{id}", "runresults/"));
    CHECK_FALSE(match("runresults/{id}", "runresults/a/b"));
    CHECK(match("files/{alnum}", "files/abC1") == "abC1");
    CHECK(match("jobs/{id}/cancel", "jobs/7/cancel") == "7");
    CHECK_FALSE(match("jobs/{id}/cancel", "jobs/7"));
    CHECK_FALSE(match("jobs/{id}/cancel", "jobs/cancel"));
    CHECK_FALSE(match("jobs/{id}/cancel", "jobs//cancel"));
    CHECK_FALSE(match("jobs/{id}/cancel", "jobs/7/8/cancel"));
    for (const char* bad : {"files/", "files/a.b", "files/..%2fx", "files/a/b", "files/\xC3\xA9"}) {
      CHECK_FALSE(match("files/{alnum}", bad));
    }
    CHECK(allow_of("languages") == "GET");
    CHECK(allow_of("runs") == "POST");
    CHECK(allow_of("runresults/1") == "GET, DELETE");
    CHECK(allow_of("files/abc") == "PUT, HEAD");
    CHECK(allow_of("files") == "POST");
    CHECK(allow_of("nosuch").empty());
    CHECK(allow_of("runs/5").empty());
    const auto found = find_route(JobeApi::routes(), "PUT", "files/abc");
    REQUIRE(found.route != nullptr);
    CHECK(found.id == "abc");
  }

  TEST_CASE("Prefer, as RFC 7240 has it") {
    CHECK_FALSE(prefers("").takes_id());
    CHECK(prefers("respond-async").respond_async);
    CHECK(prefers("Respond-Async").respond_async);
    CHECK(prefers("return=minimal, respond-async ; foo=bar").respond_async);
    CHECK_FALSE(prefers("respond-asynchronously").respond_async);
    CHECK(prefers("wait=5").wait_s == 5);
    CHECK(prefers("wait = \"5\"").wait_s == 5);
    CHECK(prefers("wait=0").wait_s == 0);
    CHECK(prefers("wait=5, wait=9").wait_s == 5);  // the first counts
    CHECK(prefers("wait=99999999999").wait_s == 86'400);
    for (const char* bad : {"wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "wait=\""}) {
      CAPTURE(bad);
      CHECK_FALSE(prefers(bad).wait_s);
    }
    const Patience both = patience_of(with({{"prefer", "respond-async"}, {"prefer", "wait=3"}}));
    CHECK(both.respond_async);
    CHECK(both.wait_s == 3);
    CHECK(applied(both, true) == "respond-async, wait=3");
    CHECK(applied(both, false) == "wait=3");
    CHECK(applied(prefers("wait=3"), true) == "wait=3");
    CHECK(applied(Patience{}, false).empty());
    CHECK(Patience{}.until(7) == kNever);
    CHECK(both.until(7) == 3'007);
    CHECK(prefers("respond-async").until(7) == 7);
  }

  TEST_CASE("Idempotency-Key: quoted or not, bounded, printable") {
    const auto key = [](const std::string& value) {
      return idempotency_key_of(with({{"idempotency-key", value}}));
    };
    CHECK(*idempotency_key_of(with({})) == "");
    CHECK(*key("\"8e03978e-40d5\"") == "8e03978e-40d5");
    CHECK(*key("8e03978e-40d5") == "8e03978e-40d5");
    CHECK(*key(std::string(kMaxIdempotencyKeyBytes, 'a')) ==
          std::string(kMaxIdempotencyKeyBytes, 'a'));
    for (const std::string& bad :
         {std::string(), std::string("\"\""), std::string("a\"b"), std::string("\xC3\xA9"),
          std::string(kMaxIdempotencyKeyBytes + 1, 'a')}) {
      CAPTURE(bad);
      CHECK_FALSE(key(bad).ok());
    }
  }

  TEST_CASE("the door: open without keys, and with keys as Jobe has it") {
    Snapshot open;
    open.keys = std::make_shared<const ApiKeys>();
    Published<Snapshot> published(open);
    KeyGate gate(published);
    CHECK(turned_away(gate.admit(with({}), true, 0)) == 0);
    CHECK(turned_away(gate.admit(with({{"x-api-key", "whatever"}}), true, 0)) == 0);

    ApiKey limited;
    limited.name = "moodle";
    limited.hash = sha256_hex("a secret of its own");
    limited.hourly_rate = 2;
    limited.may_async = false;
    ApiKeys keys;
    keys.emplace(limited.hash, limited);
    Snapshot closed;
    closed.keys = std::make_shared<const ApiKeys>(std::move(keys));
    published.set(closed);

    auto missing = gate.admit(with({}), true, 0);
    REQUIRE(turned_away(missing) == 403);
    CHECK(std::get<Response>(missing).body == "\"Missing API key\"");
    for (const char* wrong : {"", "nosuchkey", "a secret of its own "}) {
      auto unknown = gate.admit(with({{"x-api-key", wrong}}), true, 0);
      REQUIRE(turned_away(unknown) == 403);
      CHECK(std::get<Response>(unknown).body == "\"Unknown API key\"");
    }
    const Request good = with({{"x-api-key", "a secret of its own"}});
    auto first = gate.admit(good, true, 0);
    REQUIRE(turned_away(first) == 0);
    CHECK(std::get<Guest>(first).key == "moodle");
    CHECK_FALSE(std::get<Guest>(first).may_async);
    CHECK(turned_away(gate.admit(good, true, 0)) == 0);
    auto third = gate.admit(good, true, 0);
    REQUIRE(turned_away(third) == 429);
    const Response& refused = std::get<Response>(third);
    CHECK(refused.body == "\"Max RUN rate for this server exceeded\"");
    CHECK(refused.headers.back() == std::pair<std::string, std::string>("Retry-After", "1800"));
    CHECK(turned_away(gate.admit(good, false, 0)) == 0);  // asking for results does not count
    CHECK(turned_away(gate.admit(good, true, 1'799'000)) == 429);
    CHECK(turned_away(gate.admit(good, true, 1'800'000)) == 0);
    CHECK(turned_away(gate.admit(good, true, 1'800'000)) == 429);
  }

  TEST_CASE("requests of foreign pages, and under foreign names, are told apart") {
    const std::vector<std::string> names = {"docket.example.org"};
    for (const char* host : {"127.0.0.1:4001", "localhost:4001", "LOCALHOST", "[::1]:4001",
                             "10.0.0.7:4001", "docket.example.org"}) {
      CAPTURE(host);
      CHECK(is_same_site(host, "", names));
      CHECK(is_same_site(host, std::string("http://") + host, names));
      CHECK_FALSE(is_same_site(host, "http://evil.example", names));
      CHECK_FALSE(is_same_site(host, "null", names));
    }
    CHECK(is_same_site("127.0.0.1:4001", "https://docket.example.org", names));  // behind a proxy
    CHECK_FALSE(is_same_site("127.0.0.1:4001", "http://127.0.0.1:8080", names));
    for (const char* host : {"evil.example", "evil.example:4001", "", "127.0.0.1.evil.example",
                             "docket.example.org.evil.example"}) {
      CAPTURE(host);
      CHECK_FALSE(is_same_site(host, "", names));
    }
  }

  TEST_CASE("ready is who accepts runs and has somebody to run them") {
    Snapshot snapshot;
    CHECK(why_not_ready(snapshot) == "no agent has joined yet");
    AgentView agent;
    agent.state = AgentState::active;
    snapshot.agents.push_back(agent);
    CHECK(why_not_ready(snapshot) == "no sandbox can take work");  // it offers no language
    snapshot.agents[0].languages = {{"c", "1"}};
    CHECK(why_not_ready(snapshot) == "");
    snapshot.agents[0].shortage = "short of disk";
    CHECK(why_not_ready(snapshot) == "no sandbox can take work");
    snapshot.agents.push_back(agent);
    snapshot.agents[1].languages = {{"java", "1"}};
    CHECK(why_not_ready(snapshot) == "");
    snapshot.accepting = false;
    snapshot.problem = "the master is stopping";
    CHECK(why_not_ready(snapshot) == "the master is stopping");
  }

  TEST_CASE("a new key's description: defaults, and an error that names the member") {
    const std::string secret = "0123456789abcdef";
    const auto plain = read_new_key(R"({"name":"moodle","secret":")" + secret + "\"}");
    REQUIRE(plain.ok());
    CHECK(plain->hash == sha256_hex(secret));
    CHECK(plain->weight == 1);
    CHECK(plain->priority == Priority::normal);
    CHECK(plain->may_async);
    const auto full =
        read_new_key(R"({"name":"a","secret":"0123456789abcdef","hourly_rate":60,"max_queued":5,)"
                     R"("weight":3,"priority":"high","may_async":false})");
    REQUIRE(full.ok());
    CHECK(full->hourly_rate == 60);
    CHECK(full->max_queued == 5);
    CHECK(full->weight == 3);
    CHECK(full->priority == Priority::high);
    CHECK_FALSE(full->may_async);
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"[]", "object"},
        {"{", "object"},
        {R"({"secret":"0123456789abcdef"})", "name is missing"},
        {R"({"name":"a"})", "secret is missing"},
        {R"({"name":"a b","secret":"0123456789abcdef"})", "name must"},
        {R"({"name":"a","secret":"short"})", "secret must"},
        {R"({"name":"a","secret":"0123456789 abcdef"})", "secret must"},
        {R"({"name":"a","secret":7})", "secret must"},
        {R"({"name":"a","secret":"0123456789abcdef","weight":0})", "weight must"},
        {R"({"name":"a","secret":"0123456789abcdef","hourly_rate":-1})", "hourly_rate must"},
        {R"({"name":"a","secret":"0123456789abcdef","max_queued":1.5})", "max_queued must"},
        {R"({"name":"a","secret":"0123456789abcdef","priority":"top"})", "priority must"},
        {R"({"name":"a","secret":"0123456789abcdef","may_async":1})", "may_async must"},
        {R"({"name":"a","secret":"0123456789abcdef","wieght":1})", "unknown member 'wieght'"},
    };
    for (const auto& [body, why] : bad) {
      CAPTURE(body);
      const auto refused = read_new_key(body);
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().message.find(why) != std::string::npos);
    }
  }
}
