// Who may do what on the operations listener: roles, the route tables, the gate with its tokens,
// sessions and limits, whose address counts, and what requests may say. No sockets.
#include <doctest/doctest.h>

#include <set>

#include "master/http/api/access_gate.h"
#include "master/http/api/access_requests.h"
#include "master/http/api/jobe_api.h"
#include "master/http/api/ops_api.h"
#include "master/http/api/query.h"
#include "protocol/base/digest.h"

using namespace docket;
using namespace docket::http;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kAna = "docket-0123456789012345678901234567890123456789";
constexpr const char* kBob = "docket-9876543210987654321098765432109876543210";

AccessToken token_of(const std::string& name, const char* secret, Role role, bool source = false) {
  return {name, sha256_hex(secret), role, source, 1};
}

Snapshot with(std::initializer_list<AccessToken> tokens) {
  AccessTokens known;
  for (const auto& token : tokens) known.emplace(token.name, token);
  Snapshot snapshot;
  snapshot.access = std::make_shared<const AccessTokens>(std::move(known));
  return snapshot;
}

Request from(const std::string& peer, Headers headers = {}) {
  Request request;
  request.peer = peer;
  request.headers = std::move(headers);
  return request;
}

std::string bearer(const char* secret) {
  return std::string("Bearer ") + secret;
}

TrustedProxies trusted(const std::vector<std::string>& networks) {
  auto parsed = TrustedProxies::parse(networks);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error().message);
  return *parsed;
}

Logger silent() {
  return std::make_shared<spdlog::logger>("test");
}

// 0 when it lets the request in.
int refused(const std::variant<Caller, Response>& admitted) {
  const auto* response = std::get_if<Response>(&admitted);
  return response == nullptr ? 0 : response->status;
}

std::string name_of(const std::variant<Caller, Response>& admitted) {
  const auto* caller = std::get_if<Caller>(&admitted);
  return caller == nullptr ? "" : caller->name;
}

template <class Api>
void check_routes(std::set<std::string>& actions) {
  for (const auto& route : Api::routes()) {
    CAPTURE(route.method);
    CAPTURE(route.pattern);
    CHECK(route.need != Need::nobody);
    const bool looks = route.method == "GET" || route.method == "HEAD";
    CHECK(route.action.empty() == looks);
    // Who only looks needs no more than that, but for what names people.
    if (!looks && route.pattern != "/api/v1/session") CHECK(route.need >= Need::operate);
    if (!looks) actions.insert(std::string(route.action));
  }
}

Need need_of(std::string_view method, std::string_view path) {
  const auto found = find_route(OpsApi::routes(), method, path);
  REQUIRE(found.route != nullptr);
  return found.route->need;
}

}  // namespace

TEST_SUITE("access") {
  TEST_CASE("every route names what it needs, and every change its action") {
    std::set<std::string> actions;
    check_routes<OpsApi>(actions);
    check_routes<JobeApi>(actions);
    CHECK(actions.size() >= 15);
  }

  TEST_CASE("without a token only whether the master is well can be asked, and a session begun") {
    std::set<std::string> open;
    for (const auto& route : OpsApi::routes()) {
      if (route.need == Need::nothing) {
        open.insert(std::string(route.method) + " " + std::string(route.pattern));
      }
    }
    CHECK(open == std::set<std::string>{"GET /healthz", "GET /readyz", "POST /api/v1/session"});
  }

  TEST_CASE("what is whose") {
    CHECK(need_of("GET", "/api/v1/status") == Need::read);
    CHECK(need_of("POST", "/api/v1/agents/lab-1/drain") == Need::operate);
    CHECK(need_of("POST", "/api/v1/jobs/x/cancel") == Need::operate);
    CHECK(need_of("POST", "/api/v1/jobs/purge") == Need::admin);
    for (const char* admins : {"/api/v1/tokens", "/api/v1/audit"}) {
      CHECK(need_of("GET", admins) == Need::admin);
    }
    for (const char* admins : {"/api/v1/tokens", "/api/v1/keys", "/api/v1/backup"}) {
      CHECK(need_of("POST", admins) == Need::admin);
    }
    const auto jobe = [](const char* method, const std::string& rest) {
      const auto* route = JobeApi::route_of(method, "/jobe/index.php/restapi/" + rest);
      REQUIRE(route != nullptr);
      return route->need;
    };
    CHECK(jobe("GET", "languages/") == Need::read);
    CHECK(jobe("GET", "runresults/5") == Need::source);
    CHECK(jobe("POST", "runs") == Need::operate);
    CHECK(jobe("DELETE", "runresults/5") == Need::admin);
  }

  TEST_CASE("roles: each may what the one before it may; source is apart") {
    const auto may = [](Role role, bool source, Need need) {
      const auto refusal = AccessGate::refusal({"ana", role, source, "10.0.0.1"}, need);
      if (refusal) CHECK(refusal->status == 403);
      return !refusal;
    };
    for (const Role role : {Role::read, Role::operate, Role::admin}) {
      CHECK(role_of(role_name(role)) == role);
      for (const bool source : {false, true}) {
        CHECK(may(role, source, Need::nothing));
        CHECK(may(role, source, Need::read));
        CHECK(may(role, source, Need::source) == source);
        CHECK(may(role, source, Need::operate) == (role >= Role::operate));
        CHECK(may(role, source, Need::admin) == (role == Role::admin));
        CHECK_FALSE(may(role, source, Need::nobody));
      }
    }
    CHECK_FALSE(role_of("root"));
  }

  TEST_CASE("local: only on loopback, only where no token is demanded, never through a proxy") {
    Published<Snapshot> published(with({token_of("ana", kAna, Role::read)}));
    AccessGate loopback(published, {true, {}}, silent());
    for (const char* peer : {"127.0.0.1", "127.9.9.9", "::1"}) {
      const auto local = loopback.admit(from(peer), 0);
      REQUIRE(name_of(local) == "local");
      CHECK(std::get<Caller>(local).role == Role::admin);
      CHECK(std::get<Caller>(local).source);
    }
    CHECK(refused(loopback.admit(from("10.0.0.7"), 0)) == 401);
    for (const char* header : {"x-forwarded-for", "forwarded", "x-real-ip", "via"}) {
      CHECK(refused(loopback.admit(from("127.0.0.1", {{header, ""}}), 0)) == 401);
    }
    // A token says who it is, on loopback too, and a wrong one is no way in.
    CHECK(name_of(loopback.admit(from("127.0.0.1", {{"authorization", bearer(kAna)}}), 0)) ==
          "ana");
    CHECK(refused(loopback.admit(from("127.0.0.1", {{"authorization", bearer(kBob)}}), 0)) == 401);
    CHECK(name_of(loopback.admit(from("127.0.0.1", {{"cookie", "docket_session=old"}}), 0)) ==
          "local");
    AccessGate elsewhere(published, {false, {}}, silent());
    CHECK(refused(elsewhere.admit(from("127.0.0.1"), 0)) == 401);
    CHECK(refused(elsewhere.admit(from("::1"), 0)) == 401);
  }

  TEST_CASE("tokens: known, unknown, revoked; the answer says how to come in") {
    Published<Snapshot> published(with({token_of("ana", kAna, Role::operate, true)}));
    AccessGate gate(published, {false, {}}, silent());
    const auto ana = gate.admit(from("10.0.0.7", {{"authorization", bearer(kAna)}}), 0);
    REQUIRE(name_of(ana) == "ana");
    CHECK(std::get<Caller>(ana).role == Role::operate);
    CHECK(std::get<Caller>(ana).source);
    CHECK(std::get<Caller>(ana).from == "10.0.0.7");
    CHECK(name_of(gate.admit(from("::1", {{"authorization", std::string("bEARER ") + kAna}}), 0)) ==
          "ana");
    const std::vector<std::string> wrongs = {
        bearer(""),   bearer("x"), bearer(kBob), bearer(kAna) + " ",
        "Basic YTpi", kAna,        "Bearer",     ""};
    for (const std::string& wrong : wrongs) {
      CAPTURE(wrong);
      const auto denied = gate.admit(from("10.0.0.8", {{"authorization", wrong}}), 0);
      REQUIRE(refused(denied) == 401);
      CHECK(std::get<Response>(denied).headers.back().first == "WWW-Authenticate");
    }
    published.set(with({}));
    CHECK(refused(gate.admit(from("10.0.0.7", {{"authorization", bearer(kAna)}}), 0)) == 401);
  }

  TEST_CASE("wrong tokens: some at once, then rarely, by address; even the right one waits") {
    Published<Snapshot> published(with({token_of("ana", kAna, Role::read)}));
    AccessGate gate(published, {false, {}}, silent());
    const auto guess = [&](const std::string& peer, const char* secret, MonoMs now) {
      return refused(gate.admit(from(peer, {{"authorization", bearer(secret)}}), now));
    };
    for (int i = 0; i < GuessLimit::kAtOnce; ++i) CHECK(guess("10.0.0.7", kBob, 1'000) == 401);
    CHECK(guess("10.0.0.7", kBob, 1'000) == 429);
    CHECK(guess("10.0.0.7", kAna, 1'000) == 429);
    CHECK(guess("10.0.0.8", kAna, 1'000) == 0);
    CHECK(guess("10.0.0.7", kAna, 1'000 + GuessLimit::kBackAfterMs - 1) == 429);
    CHECK(guess("10.0.0.7", kAna, 1'000 + GuessLimit::kBackAfterMs) == 0);
    CHECK(guess("10.0.0.7", kBob, 1'000 + GuessLimit::kBackAfterMs) == 401);
    CHECK(guess("10.0.0.7", kAna, 1'000 + GuessLimit::kBackAfterMs) == 429);
    // An IPv6 client has a whole network of addresses.
    for (int i = 0; i < GuessLimit::kAtOnce; ++i) {
      CHECK(guess("fd00:1:2:3::" + std::to_string(i + 1), kBob, 0) == 401);
    }
    CHECK(guess("fd00:1:2:3:ffff::1", kBob, 0) == 429);
    CHECK(guess("fd00:1:2:4::1", kBob, 0) == 401);
    // Forms count the same.
    for (int i = 0; i < GuessLimit::kAtOnce; ++i) {
      const auto begun = gate.begin_session(from("10.0.0.9"), kBob, 0);
      CHECK(std::get<Response>(begun).status == 401);
    }
    const auto tired = gate.begin_session(from("10.0.0.9"), kAna, 0);
    REQUIRE(std::get<Response>(tired).status == 429);
    CHECK(std::get<Response>(tired).headers.back() ==
          std::pair<std::string, std::string>("Retry-After", "10"));
  }

  TEST_CASE("the limit forgets, but not who has just been wrong") {
    GuessLimit limit;
    for (std::size_t i = 0; i <= GuessLimit::kMostAddresses; ++i) {
      limit.was_wrong("a" + std::to_string(i), static_cast<MonoMs>(i));
    }
    for (int i = 0; i < GuessLimit::kAtOnce; ++i) limit.was_wrong("guesser", 20'000);
    CHECK(limit.wait_s("guesser", 20'000) == 10);
    for (std::size_t i = 0; i < 2 * GuessLimit::kMostAddresses; ++i) {
      limit.was_wrong("b" + std::to_string(i), 20'001);
      limit.was_wrong("guesser", 20'002);
    }
    CHECK(limit.wait_s("guesser", 20'002) == 10);
    CHECK(limit.wait_s("nobody", 20'002) == 0);
  }

  TEST_CASE("sessions: a cookie stands for the token until it ends, is revoked, or is too old") {
    Published<Snapshot> published(with({token_of("ana", kAna, Role::operate)}));
    AccessGate gate(published, {false, trusted({"127.0.0.1"})}, silent());
    const auto begin = [&](const Request& request) {
      auto begun = gate.begin_session(request, kAna, 0);
      REQUIRE(std::holds_alternative<AccessGate::Begun>(begun));
      return std::get<AccessGate::Begun>(begun).cookie;
    };
    const std::string cookie = begin(from("10.0.0.7"));
    for (const char* part : {"; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"}) {
      CHECK(cookie.find(part) != std::string::npos);
    }
    CHECK(cookie.find("Secure") == std::string::npos);
    CHECK(cookie.find(kAna) == std::string::npos);
    const std::string tls = begin(from("127.0.0.1", {{"x-forwarded-proto", "https"}}));
    CHECK(tls.ends_with("; Secure"));
    CHECK_FALSE(begin(from("10.0.0.7", {{"x-forwarded-proto", "https"}})).ends_with("Secure"));

    const std::string pair = cookie.substr(0, cookie.find(';'));
    const auto with_cookie = [&](const std::string& value) {
      return from("10.0.0.7", {{"cookie", value}});
    };
    const auto ana = gate.admit(with_cookie("theme=dark; " + pair + "; x=y"), 1);
    REQUIRE(name_of(ana) == "ana");
    CHECK(std::get<Caller>(ana).by_cookie);
    CHECK(refused(gate.admit(with_cookie(pair + "0"), 1)) == 401);
    CHECK(refused(gate.admit(with_cookie("x" + pair), 1)) == 401);
    CHECK(refused(gate.admit(with_cookie(pair), Sessions::kLastsMs)) == 401);
    published.set(with({}));
    CHECK(refused(gate.admit(with_cookie(pair), 1)) == 401);
    published.set(with({token_of("ana", kAna, Role::read)}));
    CHECK(name_of(gate.admit(with_cookie(pair), 1)) == "ana");
    CHECK(gate.end_session(with_cookie(pair)).find("Max-Age=0") != std::string::npos);
    CHECK(refused(gate.admit(with_cookie(pair), 1)) == 401);
    CHECK(session_in("docket_session").empty());
    CHECK(session_in(";; docket_session=a=b") == "a=b");
  }

  TEST_CASE("sessions are bounded: the oldest goes") {
    Sessions sessions;
    const std::string first = sessions.begin("hash", 0);
    std::string last;
    for (std::size_t i = 1; i <= Sessions::kMost; ++i) {
      last = sessions.begin("hash", static_cast<MonoMs>(i));
    }
    CHECK_FALSE(sessions.token_of(first, 2'000));
    CHECK(sessions.token_of(last, 2'000) == "hash");
    CHECK(first.size() == 64);
    CHECK(first != last);
  }

  TEST_CASE("whose address: the last one that no trusted proxy gave itself") {
    const TrustedProxies none;
    const TrustedProxies proxies = trusted({"10.0.0.0/8", "fd00::/64", "192.168.1.1"});
    const auto address = [](const TrustedProxies& known, const std::string& peer, Headers headers) {
      return client_address(from(peer, std::move(headers)), known);
    };
    const auto forwarded = [](const std::string& value) {
      return Headers{{"x-forwarded-for", value}};
    };
    CHECK(address(none, "10.0.0.1", forwarded("1.2.3.4")) == "10.0.0.1");
    CHECK(address(proxies, "11.0.0.1", forwarded("1.2.3.4")) == "11.0.0.1");
    CHECK(address(proxies, "10.0.0.1", {}) == "10.0.0.1");
    CHECK(address(proxies, "10.0.0.1", forwarded("1.2.3.4")) == "1.2.3.4");
    // What a client wrote stands before what the proxy wrote.
    CHECK(address(proxies, "10.0.0.1", forwarded("6.6.6.6, 1.2.3.4")) == "1.2.3.4");
    CHECK(address(
              proxies, "10.0.0.1",
              {{"x-forwarded-for", "6.6.6.6"}, {"x-other", "x"}, {"x-forwarded-for", "1.2.3.4"}}) ==
          "1.2.3.4");
    CHECK(address(proxies, "10.0.0.1", forwarded("1.2.3.4, 10.9.9.9,192.168.1.1")) == "1.2.3.4");
    CHECK(address(proxies, "10.0.0.1", forwarded("10.1.1.1, 10.2.2.2")) == "10.1.1.1");
    for (const char* bad : {"", "unknown", "1.2.3.4:567", "1.2.3.4, ", "999.1.1.1", "1.2.3.4;x"}) {
      CAPTURE(bad);
      CHECK(address(proxies, "10.0.0.1", forwarded(bad)) == "10.0.0.1");
    }
    CHECK(address(proxies, "fd00::1", forwarded("2001:db8::7")) == "2001:db8::7");
    CHECK(address(proxies, "fd00:0:0:1::1", forwarded("2001:db8::7")) == "fd00:0:0:1::1");
    CHECK(address(proxies, "::ffff:10.0.0.1", forwarded("1.2.3.4")) == "1.2.3.4");
    CHECK(address(none, "::ffff:10.0.0.1", {}) == "10.0.0.1");
    CHECK(trusted({"10.0.0.128/25"}).contains("10.0.0.129"));
    CHECK_FALSE(trusted({"10.0.0.128/25"}).contains("10.0.0.127"));
    CHECK(trusted({"0.0.0.0/0"}).contains("8.8.8.8"));
    CHECK_FALSE(trusted({"0.0.0.0/0"}).contains("2001:db8::7"));
    for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "host", "::/129"}) {
      CAPTURE(bad);
      CHECK_FALSE(TrustedProxies::parse({bad}).ok());
    }
    CHECK(is_loopback("localhost"));
    CHECK_FALSE(is_loopback("0.0.0.0"));
    CHECK_FALSE(is_loopback("::"));
  }

  TEST_CASE("what a new token, a login, a purge and a question about the audit must say") {
    const auto token =
        read_new_token(std::string(R"({"name":"ana","role":"admin","token":")") + kAna + "\"}");
    REQUIRE(token.ok());
    CHECK(token->hash == sha256_hex(kAna));
    CHECK(token->role == Role::admin);
    CHECK_FALSE(token->source);
    const std::string secret = std::string(R"("token":")") + kAna + "\"";
    for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
             {"[]", "object"},
             {R"({"name":"ana","role":"admin"})", "token is missing"},
             {"{" + secret + R"(,"name":"ana"})", "role is missing"},
             {"{" + secret + R"(,"role":"admin"})", "name is missing"},
             {"{" + secret + R"(,"role":"root","name":"ana"})", "role must"},
             {"{" + secret + R"(,"role":"read","name":"local"})", "name must"},
             {"{" + secret + R"(,"role":"read","name":"a b"})", "name must"},
             {"{" + secret + R"(,"role":"read","name":"a","source":1})", "source must"},
             {R"({"name":"a","role":"read","token":"short"})", "token must"},
             {"{" + secret + R"(,"role":"read","name":"a","x":1})", "unknown member 'x'"}}) {
      CAPTURE(body);
      const auto bad = read_new_token(body);
      REQUIRE_FALSE(bad.ok());
      CHECK(bad.error().message.find(why) != std::string::npos);
    }

    Request login = from("10.0.0.7", {{"content-type", "application/x-www-form-urlencoded"}});
    login.body = "x=1&token=a%2Bb+c";
    CHECK(*read_login(login) == "a+b c");
    login.headers = {{"content-type", "application/json"}};
    login.body = R"({"token":"abc"})";
    CHECK(*read_login(login) == "abc");
    for (const char* bad : {"", "{}", R"({"token":1})", R"({"token":"a","b":1})"}) {
      login.body = bad;
      CHECK_FALSE(read_login(login).ok());
    }

    CHECK(read_purge(R"({"older_than_s":3600})")->older_than_ms == 3'600'000);
    CHECK(read_purge(R"({"older_than_s":3600,"dry_run":true})")->dry_run);
    for (const char* bad : {"{}", "[]", R"({"older_than_s":3599})", R"({"older_than_s":-1})",
                            R"({"older_than_s":99999999999999})", R"({"older_than_s":"90d"})",
                            R"({"older_than_s":7200,"dry_run":1})", R"({"days":1})"}) {
      CAPTURE(bad);
      CHECK_FALSE(read_purge(bad).ok());
    }

    const auto query = read_audit_query("who=ana&what=agents&before=7&limit=3");
    REQUIRE(query.ok());
    CHECK(query->who == "ana");
    CHECK(query->what == "agents");
    CHECK(query->before == 7);
    CHECK(query->limit == 3);
    for (const char* bad :
         {"limit=0", "limit=1001", "limit=x", "before=0", "before=-1", "what1=x"}) {
      CHECK_FALSE(read_audit_query(bad).ok());
    }
    CHECK(reason_of(from("::1", {{"docket-reason", std::string(1'000, 'x')}})).size() == 200);
  }

  TEST_CASE(
      "the log-in page posts to the session, wherever it is shown, and shows nothing foreign") {
    CHECK(login_page("/", 401, "").body.find("action=\"api/v1/session\"") != std::string::npos);
    CHECK(login_page("/jobs/7", 401, "").body.find("action=\"../api/v1/session\"") !=
          std::string::npos);
    CHECK(login_page("/api/v1/session", 401, "").body.find("action=\"../../api/v1/session\"") !=
          std::string::npos);
    CHECK(login_page("/jobs/<script>", 401, "").body.find("<script>") == std::string::npos);
  }
}
