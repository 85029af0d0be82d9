// The master's core: tokens of the operations listener, purges, the audit.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

AccessToken token_named(const std::string& name) {
  AccessToken token;
  token.name = name;
  token.hash = "hash of " + name;
  token.role = Role::operate;
  return token;
}

}  // namespace

TEST_SUITE("master core: access") {
  TEST_CASE("tokens are made and revoked, and a name and a secret stand for one token") {
    Cluster cluster;
    cluster.feed(GrantAccess{71, token_named("ana")});
    REQUIRE(cluster.of<SaveAccess>().size() == 1);
    CHECK(cluster.of<SaveAccess>()[0].token.created == cluster.now.wall);
    CHECK_FALSE(cluster.of<CommandDone>().at(0).error);
    CHECK(cluster.core.snapshot(cluster.now).access->at("ana").role == Role::operate);
    // Nothing that is said of it tells the secret's hash.
    for (const Note& note : cluster.of<Note>()) CHECK(note.text.find("hash") == std::string::npos);

    cluster.feed(GrantAccess{72, token_named("ana")});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::conflict);
    AccessToken twin = token_named("twin");
    twin.hash = "hash of ana";
    cluster.feed(GrantAccess{73, twin});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::conflict);
    CHECK(cluster.of<SaveAccess>().empty());
    cluster.feed(RevokeAccess{74, "nobody"});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::not_found);
    cluster.feed(RevokeAccess{75, "ana"});
    REQUIRE(cluster.of<DeleteAccess>().size() == 1);
    CHECK(cluster.core.snapshot(cluster.now).access->empty());
  }

  TEST_CASE("tokens come back after a restart, and are bounded") {
    Cluster cluster;
    Restored restored;
    for (std::size_t i = 0; i < kMaxAccessTokens; ++i) {
      restored.access.push_back(token_named("t" + std::to_string(i)));
    }
    cluster.feed(std::move(restored));
    CHECK(cluster.core.snapshot(cluster.now).access->size() == kMaxAccessTokens);
    cluster.feed(GrantAccess{71, token_named("more")});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::conflict);
  }

  TEST_CASE("nothing is granted, revoked or purged that cannot be saved") {
    Cluster cluster;
    cluster.feed(GrantAccess{71, token_named("ana")});
    cluster.feed(StoreProblem{"disk full"});
    cluster.feed(GrantAccess{72, token_named("bob")});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
    cluster.feed(RevokeAccess{73, "ana"});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
    cluster.feed(PurgeBodies{74, 5});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
    CHECK(cluster.of<SavePurge>().empty());
    CHECK(cluster.core.snapshot(cluster.now).access->contains("ana"));
    cluster.feed(StoreProblem{""});
    cluster.feed(PurgeBodies{75, 5});
    CHECK(cluster.of<SavePurge>().at(0).before == 5);
    CHECK_FALSE(cluster.of<CommandDone>().at(0).error);
  }

  TEST_CASE("an entry of the audit is stamped and saved as it is") {
    Cluster cluster;
    cluster.feed(Record{{0, "ana", "backup", "b.db", "exam", "10.0.0.7"}});
    REQUIRE(cluster.of<SaveAudit>().size() == 1);
    const AuditEntry entry = cluster.of<SaveAudit>()[0].entry;
    CHECK(entry.at == cluster.now.wall);
    CHECK(entry.who == "ana");
    CHECK(entry.from == "10.0.0.7");
  }
}
