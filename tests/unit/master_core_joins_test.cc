// Who may be on the link: tokens, joining, approval, probation, removing; keys and names.
#include <doctest/doctest.h>

#include "protocol/base/link_key.h"
#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

constexpr ReplyTo kOperator = 999;

struct Given {
  std::uint32_t uses = 1;
  bool approve = false;
  WallMs ttl_ms = 60'000;
};

// A cluster in which hosts have keys.
class Joining : public Cluster {
 public:
  KeyPair token(const Given& given = {}) {
    const KeyPair pair = make_key_pair();
    CreateJoinToken order{kOperator, {}, "the answer"};
    order.token.id = token_id_of(pair.public_key);
    order.token.expires = now.wall + given.ttl_ms;
    order.token.uses = given.uses;
    order.token.approve = given.approve;
    order.token.tags = {"exam"};
    feed(std::move(order));
    REQUIRE(of<CommandDone>().size() == 1);
    REQUIRE_FALSE(of<CommandDone>()[0].error.has_value());
    CHECK(of<CommandDone>()[0].answer == "the answer");
    return pair;
  }

  Standing say_join(const KeyPair& token_key, const std::string& name, const KeyPair& key,
                    bool dry_run = false) {
    Join join;
    join.dry_run = dry_run ? 1 : 0;
    join.name = name;
    join.public_key = key.public_key;
    feed(FromAgent{++link_, std::move(join), token_key.public_key});
    return standing();
  }

  Standing say_leave(const KeyPair& key) {
    feed(FromAgent{++link_, Leave{}, key.public_key});
    return standing();
  }

  // The connection on which it did.
  LinkId say_hello(const std::string& name, const KeyPair& key, const Host& host = {}) {
    links[name] = ++link_;
    feed(FromAgent{link_, hello_of(name, host), key.public_key});
    return link_;
  }

  std::optional<Error> command(Event event) {
    feed(std::move(event));
    REQUIRE(of<CommandDone>().size() == 1);
    return of<CommandDone>()[0].error;
  }

  // What the link lets in, as last told; a token as `token`.
  bool admitted(const std::string& id) {
    REQUIRE(of<AdmitKeys>().size() >= 1);
    return of<AdmitKeys>().back().keys->contains(id);
  }

  std::uint64_t refused() const { return core.snapshot(now).refused_peers; }

  // Every canary that its agent is sent prints what it must.
  void pass_canaries(const std::string& name) {
    for (int turns = 0; turns < 20 && !canaries.empty(); ++turns) {
      Finished result = ran();
      result.body = canary_answer();
      result.id = canaries.back().id;
      canaries.clear();
      tell(name, std::move(result));
    }
  }

 private:
  static std::string canary_answer() {
    return R"({"run_id":"x","outcome":15,"stdout":"docket canary 42\n"})";
  }

  Standing standing() {
    const auto told = sent<Standing>(link_);
    REQUIRE(told.size() == 1);
    const auto sends = of<Send>();
    CHECK(sends.back().after_commit);
    return told[0];
  }

  LinkId link_ = 500;
};

}  // namespace

TEST_SUITE("master core joins") {
  TEST_CASE("a token lets one host join, and is known by a digest alone") {
    Joining cluster;
    const KeyPair token = cluster.token();
    CHECK(cluster.admitted(token_id_of(token.public_key)));
    CHECK_FALSE(cluster.admitted(token.public_key));
    REQUIRE(cluster.of<SaveJoinToken>().size() == 1);
    const KeyPair key = make_key_pair();
    const Standing joined = cluster.say_join(token, "lab-1", key);
    CHECK(joined.code == Standing::Code::joined);
    CHECK(joined.tags == std::vector<std::string>{"exam"});
    CHECK(cluster.admitted(key.public_key));
    REQUIRE(cluster.of<SaveAgentKey>().size() == 1);
    CHECK(cluster.of<SaveAgentKey>()[0].key.trust == Trust::probation);
    CHECK(cluster.of<SaveJoinToken>()[0].token.uses == 0);
    const Standing other = cluster.say_join(token, "lab-2", make_key_pair());
    CHECK(other.code == Standing::Code::refused);
    CHECK(other.reason.find("used as often as it may") != std::string::npos);
    CHECK(cluster.refused() == 1);
  }

  TEST_CASE("a dry run tells what joining would come to, and changes nothing") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    const Standing would = cluster.say_join(token, "lab-1", key, true);
    CHECK(would.code == Standing::Code::joined);
    CHECK(would.tags == std::vector<std::string>{"exam"});
    CHECK(would.version == "1.0");
    CHECK(would.wall_ms == cluster.now.wall);
    CHECK(cluster.of<SaveAgentKey>().empty());
    CHECK(cluster.of<SaveJoinToken>().empty());
    CHECK(cluster.of<AdmitKeys>().empty());
    CHECK(cluster.say_join(cluster.token({.approve = true}), "lab-1", key, true).code ==
          Standing::Code::awaiting);
    // Before it has joined its own key is nobody's.
    CHECK(cluster.say_join(key, "lab-1", key, true).code == Standing::Code::refused);
    CHECK(cluster.say_join(token, "lab-1", key).code == Standing::Code::joined);
    CHECK(cluster.say_join(key, "lab-1", key, true).code == Standing::Code::joined);
    CHECK(cluster.say_join(key, "lab-2", key, true).code == Standing::Code::refused);
    CHECK(cluster.say_join(key, "lab-1", key).code == Standing::Code::refused);
    const Standing spent = cluster.say_join(token, "lab-2", make_key_pair(), true);
    CHECK(spent.code == Standing::Code::refused);
    CHECK(spent.reason.find("used as often as it may") != std::string::npos);
  }

  TEST_CASE("joining again is harmless, and uses nothing up") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    cluster.advance(120'000);  // by then the token has expired
    CHECK(cluster.say_join(token, "lab-1", key).code == Standing::Code::joined);
    CHECK(cluster.of<SaveAgentKey>().empty());
    CHECK(cluster.refused() == 0);
  }

  TEST_CASE("an expired token is refused with the reason, and forgotten after a week") {
    Joining cluster;
    const KeyPair token = cluster.token({.ttl_ms = 1'000});
    cluster.advance(1'000);
    const Standing late = cluster.say_join(token, "lab-1", make_key_pair());
    CHECK(late.code == Standing::Code::refused);
    CHECK(late.reason.find("expired") != std::string::npos);
    cluster.advance(kSpentTokenKeptMs);
    cluster.token();  // the next look at them
    REQUIRE(cluster.of<DeleteJoinToken>().size() == 1);
    CHECK_FALSE(cluster.admitted(token_id_of(token.public_key)));
  }

  TEST_CASE("a name is one key's, and a key one name's") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 10});
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    const Standing taken = cluster.say_join(token, "lab-1", make_key_pair());
    CHECK(taken.code == Standing::Code::refused);
    CHECK(taken.reason.find("docket agents remove lab-1") != std::string::npos);
    const Standing second = cluster.say_join(token, "lab-2", key);
    CHECK(second.code == Standing::Code::refused);
    CHECK(second.reason.find("as lab-1") != std::string::npos);
    for (const char* name : {"", "a b", "a/b"}) {
      CHECK(cluster.say_join(token, name, make_key_pair()).code == Standing::Code::refused);
    }
    CHECK(cluster.refused() == 5);
  }

  TEST_CASE("without a token nobody joins, whatever the key is") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    const KeyPair none{"", ""};
    for (const KeyPair& by : {key, make_key_pair(), none}) {
      CHECK(cluster.say_join(by, "lab-2", make_key_pair()).code == Standing::Code::refused);
    }
  }

  TEST_CASE("a token's key can do nothing but join") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const LinkId link = cluster.say_hello("lab-1", token);
    REQUIRE(cluster.sent<Refused>(link).size() == 1);
    cluster.feed(FromAgent{link, Heartbeat{}, token.public_key});
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::say_hello);
    CHECK(cluster.say_leave(token).code == Standing::Code::refused);
    CHECK(cluster.core.snapshot(cluster.now).agents.empty());
    CHECK(cluster.refused() == 2);
  }

  TEST_CASE("one agent cannot speak for another") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 2});
    const KeyPair first = make_key_pair();
    const KeyPair second = make_key_pair();
    cluster.say_join(token, "lab-1", first);
    cluster.say_join(token, "lab-2", second);
    cluster.say_hello("lab-1", first);
    const LinkId link = cluster.say_hello("lab-1", second, {.instance = 2});
    REQUIRE(cluster.sent<Refused>(link).size() == 1);
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::bad_hello);
    CHECK(cluster.view("lab-1").state == AgentState::probing);  // and undisturbed
    CHECK(cluster.refused() == 1);
    // Nor can its connection take another's name later.
    const LinkId own = cluster.say_hello("lab-2", second);
    cluster.feed(FromAgent{own, hello_of("lab-1", {}), second.public_key});
    CHECK(cluster.sent<Refused>(own).size() == 1);
  }

  TEST_CASE("canaries come before the first run, even on the only host") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    const JobId job = cluster.submit({.language = "c"});
    cluster.say_hello("lab-1", key, {.languages = {"c", "python3"}});
    CHECK(cluster.view("lab-1").state == AgentState::probing);
    cluster.pass(5'000);
    CHECK(cluster.agent_of(job).empty());
    cluster.pass_canaries("lab-1");
    CHECK(cluster.view("lab-1").state == AgentState::active);
    CHECK(cluster.agent_of(job) == "lab-1");
    // It has proved itself: a new connection works at once.
    cluster.finish(job);
    cluster.feed(LinkGone{cluster.links.at("lab-1")});
    cluster.say_hello("lab-1", key, {.instance = 2});
    CHECK(cluster.view("lab-1").state == AgentState::active);
  }

  TEST_CASE("a host whose canary fails stays out, over a reconnect too") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    cluster.say_hello("lab-1", key);
    REQUIRE(cluster.canaries.size() == 1);
    Finished wrong = ran(Outcome::internal_error);
    wrong.id = cluster.canaries[0].id;
    cluster.canaries.clear();
    cluster.tell("lab-1", wrong);
    CHECK(cluster.view("lab-1").state == AgentState::quarantined);
    const JobId job = cluster.submit();
    cluster.pass(2'000);
    CHECK(cluster.agent_of(job).empty());
    cluster.feed(LinkGone{cluster.links.at("lab-1")});
    cluster.say_hello("lab-1", key, {.slots = 2, .instance = 2});
    CHECK(cluster.view("lab-1").state == AgentState::probing);
    CHECK(cluster.agent_of(job).empty());
    // An operator's word is enough; the canary that is out has the other slot.
    CHECK_FALSE(cluster.command(HoldAgent{kOperator, "lab-1", Hold::none, {}, {}}).has_value());
    CHECK(cluster.agent_of(job) == "lab-1");
  }

  TEST_CASE("with --approve a host is kept off the link until its fingerprint is confirmed") {
    Joining cluster;
    const KeyPair token = cluster.token({.approve = true});
    const KeyPair key = make_key_pair();
    CHECK(cluster.say_join(token, "lab-1", key).code == Standing::Code::awaiting);
    CHECK_FALSE(cluster.admitted(key.public_key));
    const auto awaiting = cluster.core.snapshot(cluster.now).awaiting;
    REQUIRE(awaiting.size() == 1);
    CHECK(awaiting[0].name == "lab-1");
    CHECK(awaiting[0].fingerprint == fingerprint_of(key.public_key));
    const LinkId early = cluster.say_hello("lab-1", key);
    CHECK(cluster.sent<Refused>(early).size() == 1);
    CHECK(cluster.command(ApproveAgent{kOperator, "nobody"})->code == ErrorCode::not_found);
    const std::string fingerprint = fingerprint_of(key.public_key);
    CHECK_FALSE(cluster.command(ApproveAgent{kOperator, fingerprint}).has_value());
    CHECK(cluster.admitted(key.public_key));
    CHECK(cluster.core.snapshot(cluster.now).awaiting.empty());
    CHECK_FALSE(cluster.command(ApproveAgent{kOperator, "lab-1"}).has_value());  // again: harmless
    const LinkId link = cluster.say_hello("lab-1", key);
    CHECK(cluster.sent<Welcome>(link).size() == 1);
  }

  TEST_CASE("a host cannot keep itself by runs that it claims to have") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    cluster.say_hello("lab-1", key, {.held = {{job_number(1'000), 1}}});
    cluster.pass(100'000'000);
    CHECK(cluster.command(RemoveAgent{kOperator, "lab-1"})->code == ErrorCode::conflict);
    CHECK_FALSE(cluster.command(RemoveAgent{kOperator, "lab-1", true}).has_value());
    CHECK_FALSE(cluster.admitted(key.public_key));
    CHECK(cluster.core.snapshot(cluster.now).agents.empty());
  }

  TEST_CASE("a removal at once sends what runs there to another host") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 2});
    const KeyPair first = make_key_pair();
    const KeyPair second = make_key_pair();
    cluster.say_join(token, "lab-1", first);
    cluster.say_join(token, "lab-2", second);
    cluster.say_hello("lab-1", first);
    cluster.pass_canaries("lab-1");
    const JobId job = cluster.submit();
    REQUIRE(cluster.agent_of(job) == "lab-1");
    cluster.say_hello("lab-2", second);
    cluster.pass_canaries("lab-2");
    CHECK_FALSE(cluster.command(RemoveAgent{kOperator, "lab-1", true}).has_value());
    cluster.pass(10'000);
    CHECK(cluster.agent_of(job) == "lab-2");
  }

  TEST_CASE("a name that looks like another's fingerprint gets no approval by it") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 2, .approve = true});
    const KeyPair honest = make_key_pair();
    const KeyPair other = make_key_pair();
    cluster.say_join(token, "lab-1", honest);
    cluster.say_join(token, fingerprint_of(honest.public_key), other);
    CHECK_FALSE(
        cluster.command(ApproveAgent{kOperator, fingerprint_of(honest.public_key)}).has_value());
    CHECK(cluster.admitted(honest.public_key));
    CHECK_FALSE(cluster.admitted(other.public_key));
  }

  TEST_CASE("a token can be withdrawn: nobody joins by it, and who has joined stays") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 5});
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    const auto shown = cluster.core.snapshot(cluster.now).join_tokens;
    REQUIRE(shown.size() == 1);
    CHECK(shown[0].uses == 4);
    const std::string id = shown[0].id.substr(0, kTokenIdShown);
    CHECK(cluster.command(RevokeJoinToken{kOperator, id.substr(1)})->code == ErrorCode::not_found);
    CHECK(cluster.command(RevokeJoinToken{kOperator, ""})->code == ErrorCode::not_found);
    CHECK_FALSE(cluster.command(RevokeJoinToken{kOperator, id}).has_value());
    CHECK(cluster.of<DeleteJoinToken>().size() == 1);
    CHECK_FALSE(cluster.admitted(token_id_of(token.public_key)));
    CHECK(cluster.admitted(key.public_key));
    CHECK(cluster.say_join(token, "lab-2", make_key_pair()).code == Standing::Code::refused);
  }

  TEST_CASE("a token's own key becomes no agent's") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 2});
    const Standing standing = cluster.say_join(token, "lab-1", token);
    CHECK(standing.code == Standing::Code::refused);
    CHECK(standing.reason.find("the key is a token's") == 0);
  }

  TEST_CASE("removing waits for runs, revokes the key and forgets the agent") {
    Joining cluster;
    const KeyPair token = cluster.token({.uses = 2});
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    const LinkId link = cluster.say_hello("lab-1", key);
    cluster.pass_canaries("lab-1");
    const JobId job = cluster.submit();
    CHECK(cluster.command(RemoveAgent{kOperator, "lab-1"})->code == ErrorCode::conflict);
    cluster.finish(job);
    CHECK_FALSE(cluster.command(RemoveAgent{kOperator, "lab-1"}).has_value());
    CHECK(cluster.sent<Refused>(link).size() == 1);
    CHECK_FALSE(cluster.admitted(key.public_key));
    REQUIRE(cluster.of<DeleteAgent>().size() == 1);
    CHECK(cluster.core.snapshot(cluster.now).agents.empty());
    // Its connection may still be open: nothing is to be had on it.
    cluster.feed(FromAgent{link, Heartbeat{}, key.public_key});
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::say_hello);
    cluster.feed(FromAgent{link, hello_of("lab-1", {}), key.public_key});
    CHECK(cluster.sent<Refused>(link)[0].code == Refusal::bad_hello);
    CHECK(cluster.command(RemoveAgent{kOperator, "lab-1"})->code == ErrorCode::not_found);
    // With a token the host may come back, on probation.
    CHECK(cluster.say_join(token, "lab-1", key).code == Standing::Code::joined);
    cluster.say_hello("lab-1", key);
    CHECK(cluster.view("lab-1").state == AgentState::probing);
  }

  TEST_CASE("a host that has left is forgotten, once its agent has stopped") {
    Joining cluster;
    const KeyPair token = cluster.token();
    const KeyPair key = make_key_pair();
    cluster.say_join(token, "lab-1", key);
    cluster.say_hello("lab-1", key);
    cluster.pass_canaries("lab-1");
    CHECK(cluster.say_leave(key).code == Standing::Code::refused);
    cluster.tell("lab-1", Bye{});
    CHECK(cluster.say_leave(key).code == Standing::Code::left);
    CHECK_FALSE(cluster.admitted(key.public_key));
    CHECK(cluster.core.snapshot(cluster.now).agents.empty());
    CHECK(cluster.say_leave(key).code == Standing::Code::refused);
  }

  TEST_CASE("keys and tokens are there again after a restart") {
    Joining before;
    const KeyPair token = before.token({.uses = 3});
    const KeyPair key = make_key_pair();
    before.say_join(token, "lab-1", key);
    Restored restored;
    restored.agent_keys = {before.of<SaveAgentKey>()[0].key};
    restored.tokens = {before.of<SaveJoinToken>()[0].token};
    CHECK(restored.tokens[0].uses == 2);
    Joining after;
    after.feed(std::move(restored));
    CHECK(after.admitted(key.public_key));
    CHECK(after.say_join(token, "lab-2", make_key_pair()).code == Standing::Code::joined);
    const LinkId link = after.say_hello("lab-1", key);
    CHECK(after.sent<Welcome>(link).size() == 1);
    CHECK(after.view("lab-1").state == AgentState::probing);
  }

  TEST_CASE("while nothing can be saved nobody joins") {
    Joining cluster;
    const KeyPair token = cluster.token();
    cluster.feed(StoreProblem{"disk full"});
    const Standing standing = cluster.say_join(token, "lab-1", make_key_pair());
    CHECK(standing.code == Standing::Code::refused);
    CHECK(standing.reason.find("disk full") != std::string::npos);
    CHECK(cluster.command(RemoveAgent{kOperator, "lab-1"})->code == ErrorCode::unavailable);
    CHECK(cluster.command(CreateJoinToken{kOperator, {}, "x"})->code == ErrorCode::unavailable);
  }
}
