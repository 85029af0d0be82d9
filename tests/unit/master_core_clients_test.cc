// The master's core: what clients and operators ask. Patience, watching, cancelling, requests made
// twice, keys. The agents are played by hand; time is a number.
#include <doctest/doctest.h>

#include "tests/unit/master_cluster.h"

using namespace docket;
using namespace docket::test;

namespace {

using Kind = Answer::Kind;

std::vector<Answer> answers_to(Cluster& cluster, ReplyTo to) {
  return cluster.answered[to];
}

ApiKey key_named(const std::string& name) {
  ApiKey key;
  key.name = name;
  key.hash = "hash of " + name;
  return key;
}

}  // namespace

TEST_SUITE("master core: clients") {
  TEST_CASE("wait=N: the result when it comes in time, else the id, and once only") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId quick = cluster.submit({.wait_s = 2});
    CHECK(cluster.answers(quick).empty());
    CHECK_FALSE(cluster.job(quick).asynchronous);
    cluster.pass(1'000);
    cluster.finish(quick);
    REQUIRE(cluster.answers(quick).size() == 1);
    CHECK(cluster.answers(quick)[0].kind == Kind::result);
    CHECK(cluster.answers(quick)[0].patience.wait_s == 2);

    const JobId slow = cluster.submit({.wait_s = 2});
    cluster.pass(1'999);
    CHECK(cluster.answers(slow).empty());
    cluster.pass(1);
    REQUIRE(cluster.answers(slow).size() == 1);
    CHECK(cluster.answers(slow)[0].kind == Kind::accepted);
    CHECK(cluster.job(slow).asynchronous);  // on disk before the answer
    CHECK(cluster.core.nobody_waits());
    cluster.finish(slow);
    CHECK(cluster.answers(slow).size() == 1);
    CHECK(cluster.job(slow).state == JobState::done);
  }

  TEST_CASE("wait=0 gives the id at once") {
    Cluster cluster;
    const JobId id = cluster.submit({.wait_s = 0});
    REQUIRE(cluster.answers(id).size() == 1);
    CHECK(cluster.answers(id)[0].kind == Kind::accepted);
  }

  TEST_CASE("watching a job: its result, or that it is pending still") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit({.asynchronous = true});
    cluster.feed(Watch{71, id, {.wait_s = 1}});
    cluster.feed(Watch{72, id, {.wait_s = 60}});
    cluster.pass(1'000);
    REQUIRE(answers_to(cluster, 71).size() == 1);
    CHECK(answers_to(cluster, 71)[0].kind == Kind::pending);
    CHECK(answers_to(cluster, 72).empty());
    cluster.finish(id);
    REQUIRE(answers_to(cluster, 72).size() == 1);
    CHECK(answers_to(cluster, 72)[0].kind == Kind::result);
    CHECK(*answers_to(cluster, 72)[0].body == "{\"outcome\":15}");

    cluster.feed(Watch{73, id, {.wait_s = 60}});  // it ended meanwhile: the store has it
    REQUIRE(answers_to(cluster, 73).size() == 1);
    CHECK(answers_to(cluster, 73)[0].kind == Kind::stored);
  }

  TEST_CASE("a stopping master sends watchers away and waits for the others") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId watched = cluster.submit({.asynchronous = true});
    const JobId waiting = cluster.submit();
    cluster.feed(Watch{71, watched, {.wait_s = 60}});
    cluster.feed(StopAccepting{});
    REQUIRE(answers_to(cluster, 71).size() == 1);
    CHECK(answers_to(cluster, 71)[0].kind == Kind::pending);
    CHECK_FALSE(cluster.core.nobody_waits());
    cluster.finish(watched);
    cluster.finish(waiting);
    CHECK(cluster.core.nobody_waits());
  }

  TEST_CASE("a client that leaves: its waiting run is cancelled, its running one goes on") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId running = cluster.submit();
    const JobId waiting = cluster.submit();
    const JobId behind = cluster.submit();
    cluster.feed(ClientGone{Cluster::reply_to(waiting)});
    CHECK(cluster.job(waiting).state == JobState::cancelled);
    CHECK(cluster.job(waiting).attempts.empty());
    cluster.feed(ClientGone{Cluster::reply_to(running)});
    CHECK(cluster.running(running));
    CHECK(cluster.of<Send>().empty());
    cluster.finish(running);
    CHECK(cluster.job(running).state == JobState::done);
    CHECK(cluster.running(behind));  // the slot went to who still waits
    CHECK(cluster.answers(waiting).empty());
    CHECK(cluster.answers(running).empty());
    cluster.feed(ClientGone{12'345});  // nobody
  }

  TEST_CASE("a client that leaves does not lose a run that it can still ask for") {
    Cluster cluster;
    const JobId told = cluster.submit({.asynchronous = true});
    const JobId named = cluster.submit({.idempotency_key = "a"});
    const JobId shared = cluster.submit();
    cluster.feed(Watch{71, shared, {.wait_s = 60}});
    for (const JobId& id : {told, named, shared}) cluster.feed(ClientGone{Cluster::reply_to(id)});
    cluster.join("lab-1", {.slots = 3});
    for (const JobId& id : {told, named, shared}) CHECK(cluster.running(id));
  }

  TEST_CASE("a run whose client has left is not tried again") {
    Cluster cluster;
    cluster.join("lab-1");
    cluster.join("lab-2");
    const JobId id = cluster.submit();
    cluster.feed(ClientGone{Cluster::reply_to(id)});
    cluster.finish(id, ended(Ending::http_error));
    CHECK(cluster.job(id).state == JobState::cancelled);
    CHECK(cluster.job(id).attempts.size() == 1);
  }

  TEST_CASE("a restarted master drops waiting runs whose clients went with it") {
    Cluster cluster;
    Job job;
    job.language = "c";
    job.cputime_s = 5;
    job.run_spec = std::make_shared<const std::string>("{}");
    Restored restored;
    for (std::uint64_t number : {1, 2, 3}) {
      job.id = job_number(number);
      job.asynchronous = number == 2;
      job.idempotency_key = number == 3 ? "a" : "";
      restored.jobs.push_back(job);
    }
    cluster.feed(std::move(restored));
    CHECK(cluster.job(job_number(1)).state == JobState::cancelled);
    cluster.join("lab-1", {.slots = 3});
    CHECK(cluster.running(job_number(2)));
    CHECK(cluster.running(job_number(3)));
  }

  TEST_CASE("removing: a waiting job is cancelled, a finished one is deleted") {
    Cluster cluster;
    const JobId id = cluster.submit();
    cluster.feed(Remove{71, id, "", ""});
    CHECK(cluster.job(id).state == JobState::cancelled);
    REQUIRE(answers_to(cluster, 71).size() == 1);
    CHECK(answers_to(cluster, 71)[0].kind == Kind::removed);
    REQUIRE(cluster.answers(id).size() == 1);  // its own client hears that it was not run
    CHECK(cluster.answers(id)[0].kind == Kind::result);
    CHECK(cluster.answers(id)[0].body->find("\"outcome\":21") != std::string::npos);

    cluster.feed(Remove{72, id, "", ""});
    REQUIRE(cluster.of<DeleteJob>().size() == 1);
    CHECK(cluster.of<DeleteJob>()[0].job == id);
    CHECK(answers_to(cluster, 72)[0].kind == Kind::removed);

    cluster.feed(StoreProblem{"disk full"});
    cluster.feed(Remove{73, id, "", ""});
    CHECK(cluster.of<DeleteJob>().empty());
    CHECK(answers_to(cluster, 73)[0].kind == Kind::unavailable);
  }

  TEST_CASE("a cancelled run keeps its slot until its agent is done with it") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit({.asynchronous = true});
    const AttemptId attempt = cluster.current(id);
    const JobId next = cluster.submit();
    cluster.feed(Remove{71, id, "", ""});
    REQUIRE(cluster.sent<Cancel>(link).size() == 1);
    CHECK(cluster.sent<Cancel>(link)[0].id == attempt);
    CHECK(cluster.job(id).state == JobState::cancelled);
    CHECK(cluster.job(id).attempts[0].ending == Ending::cancelled);
    CHECK_FALSE(cluster.running(next));
    CHECK(cluster.view("lab-1").running == 1);

    Finished done = ended(Ending::cancelled);
    SUBCASE("it says so") {
      done.id = attempt;
      cluster.tell("lab-1", done);
      CHECK(cluster.sent<Taken>(link).size() == 1);
      CHECK(cluster.running(next));
    }
    SUBCASE("it was cut off from the sandbox: the program may run on") {
      done = ended(Ending::cut);
      done.id = attempt;
      cluster.tell("lab-1", done);
      CHECK_FALSE(cluster.running(next));
      cluster.pass(ghost_ms(cluster.settings, kDefaultCputimeSeconds) + 1'000);
      CHECK(cluster.running(next));
    }
    SUBCASE("it is lost: the program may run on") {
      cluster.feed(LinkGone{link});
      cluster.join("lab-1", {.instance = 2});
      CHECK_FALSE(cluster.running(next));
      cluster.pass(ghost_ms(cluster.settings, kDefaultCputimeSeconds) + 1'000);
      CHECK(cluster.running(next));
    }
  }

  TEST_CASE("the same request twice is one run") {
    Cluster cluster;
    cluster.join("lab-1");
    const JobId id = cluster.submit({.idempotency_key = "a"});
    const JobId again = cluster.submit({.idempotency_key = "a"});
    const JobId told = cluster.submit({.asynchronous = true, .idempotency_key = "a"});
    CHECK_FALSE(cluster.saved.contains(again));
    CHECK(cluster.core.snapshot(cluster.now).submitted == 1);
    REQUIRE(cluster.answers(told).size() == 1);
    CHECK(cluster.answers(told)[0].kind == Kind::accepted);
    CHECK(cluster.answers(told)[0].job == id);
    cluster.finish(id);
    for (const JobId& asked : {id, again}) {
      REQUIRE(cluster.answers(asked).size() == 1);
      CHECK(cluster.answers(asked)[0].kind == Kind::result);
      CHECK(cluster.answers(asked)[0].job == id);
    }
    const JobId later = cluster.submit({.idempotency_key = "a"});
    REQUIRE(cluster.answers(later).size() == 1);
    CHECK(cluster.answers(later)[0].kind == Kind::stored);
    CHECK(cluster.answers(later)[0].job == id);
  }

  TEST_CASE("one name for two requests is refused, each key has names of its own") {
    Cluster cluster;
    cluster.submit({.idempotency_key = "a", .bytes = 2});
    const JobId other = cluster.submit({.idempotency_key = "a", .bytes = 3});
    REQUIRE(cluster.answers(other).size() == 1);
    CHECK(cluster.answers(other)[0].kind == Kind::misused);
    const JobId foreign = cluster.submit({.key = "physics", .idempotency_key = "a", .bytes = 3});
    CHECK(cluster.job(foreign).state == JobState::queued);
  }

  TEST_CASE("a name is kept for its time, over a restart, and not longer than its job") {
    CoreSettings settings;
    settings.idempotency_ms = 60'000;
    Cluster cluster(settings);
    Restored restored;
    restored.named.push_back({job_number(900), "", "old", "2", cluster.now.wall - 60'000});
    restored.named.push_back({job_number(901), "", "kept", "2", cluster.now.wall - 59'000});
    cluster.feed(std::move(restored));
    CHECK(cluster.job(cluster.submit({.idempotency_key = "old"})).state == JobState::queued);
    const JobId again = cluster.submit({.idempotency_key = "kept"});
    REQUIRE(cluster.answers(again).size() == 1);
    CHECK(cluster.answers(again)[0].job == job_number(901));
    cluster.pass(1'000);
    CHECK(cluster.job(cluster.submit({.idempotency_key = "kept"})).state == JobState::queued);

    const JobId gone = cluster.submit({.idempotency_key = "b"});
    cluster.feed(Remove{71, gone, "", "b"});
    CHECK(cluster.job(cluster.submit({.idempotency_key = "b"})).state == JobState::queued);
  }

  TEST_CASE("names are bounded in number: the oldest goes first") {
    Idempotency names(2);
    names.remember("a", {"1", job_number(1)}, 10);
    names.remember("b", {"1", job_number(2)}, 20);
    names.remember("c", {"1", job_number(3)}, 30);
    CHECK(names.find("a", 0) == nullptr);
    CHECK(names.find("b", 0) != nullptr);
    CHECK(names.size() == 2);
    names.forget("b", job_number(9));  // another job's
    CHECK(names.find("b", 0) != nullptr);
    names.forget("b", job_number(2));
    names.remember("b", {"2", job_number(4)}, 40);
    names.expire(25);  // the end of the first b
    REQUIRE(names.find("b", 25) != nullptr);
    CHECK(names.find("b", 25)->fingerprint == "2");
    CHECK(names.find("b", 40) == nullptr);
  }

  TEST_CASE("keys are made and revoked, and a name and a secret stand for one key") {
    Cluster cluster;
    cluster.feed(CreateKey{71, key_named("moodle")});
    REQUIRE(cluster.of<SaveKey>().size() == 1);
    CHECK(cluster.of<SaveKey>()[0].key.created == cluster.now.wall);
    REQUIRE(cluster.of<CommandDone>().size() == 1);
    CHECK_FALSE(cluster.of<CommandDone>()[0].error);
    CHECK(cluster.core.snapshot(cluster.now).keys->at("hash of moodle").name == "moodle");

    cluster.feed(CreateKey{72, key_named("moodle")});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::conflict);
    ApiKey twin = key_named("twin");
    twin.hash = "hash of moodle";
    cluster.feed(CreateKey{73, twin});
    CHECK(cluster.of<CommandDone>().at(0).error->message.find("moodle") != std::string::npos);
    cluster.feed(RevokeKey{74, "nobody"});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::not_found);
    cluster.feed(RevokeKey{75, "moodle"});
    REQUIRE(cluster.of<DeleteKey>().size() == 1);
    CHECK_FALSE(cluster.of<CommandDone>().at(0).error);
    CHECK(cluster.core.snapshot(cluster.now).keys->empty());

    cluster.feed(StoreProblem{"disk full"});
    cluster.feed(CreateKey{76, key_named("late")});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
  }

  TEST_CASE("a key's bound on waiting jobs holds for that key alone") {
    Cluster cluster;
    Restored restored;
    restored.keys = {key_named("exam"), key_named("regrade")};
    restored.keys[1].max_queued = 2;
    cluster.feed(std::move(restored));
    const JobId first = cluster.submit({.asynchronous = true, .key = "regrade"});
    cluster.submit({.asynchronous = true, .key = "regrade"});
    const JobId third = cluster.submit({.asynchronous = true, .key = "regrade"});
    REQUIRE(cluster.answers(third).size() == 1);
    CHECK(cluster.answers(third)[0].kind == Kind::overloaded);
    CHECK(cluster.answers(third)[0].patience.respond_async);
    CHECK(cluster.answers(third)[0].reason.find("regrade") != std::string::npos);
    const Snapshot view = cluster.core.snapshot(cluster.now);
    CHECK(view.refused == 1);
    CHECK(view.last_refused == cluster.now.wall);
    const JobId other = cluster.submit({.asynchronous = true, .key = "exam"});
    CHECK(cluster.answers(other)[0].kind == Kind::accepted);
    cluster.feed(Remove{71, first, "regrade", ""});
    const JobId fourth = cluster.submit({.asynchronous = true, .key = "regrade"});
    CHECK(cluster.answers(fourth)[0].kind == Kind::accepted);
  }

  TEST_CASE("a job that no sandbox had room for ends as overload, as each of them said") {
    CoreSettings settings;
    settings.max_all_attempts = 5;
    Cluster cluster(settings);
    cluster.join("lab-1");
    cluster.join("lab-2");
    const JobId id = cluster.submit();
    // Four, with max_attempts 3: none of them began anything.
    for (int i = 0; i < 4; ++i) {
      cluster.finish(id, ran(Outcome::overload));
      CHECK(cluster.job(id).state != JobState::failed);
      cluster.pass(5'000);
    }
    cluster.finish(id, ran(Outcome::overload));
    CHECK(cluster.job(id).state == JobState::failed);
    CHECK(cluster.job(id).outcome == 21);
  }

  TEST_CASE("an operator cancels what lives, and only that") {
    Cluster cluster;
    const JobId id = cluster.submit();
    cluster.feed(CancelRun{71, id});
    CHECK(cluster.job(id).state == JobState::cancelled);
    CHECK_FALSE(cluster.of<CommandDone>().at(0).error);
    cluster.feed(CancelRun{72, id});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::conflict);
    CHECK(cluster.of<DeleteJob>().empty());
    cluster.feed(StoreProblem{"disk full"});
    cluster.feed(CancelRun{73, id});
    CHECK(cluster.of<CommandDone>().at(0).error->code == ErrorCode::unavailable);
  }

  TEST_CASE("a repeated request needs its files no more, a new one does") {
    Cluster cluster;
    const JobId id = cluster.submit({.idempotency_key = "a"});
    Submit again;
    again.id = job_number(500);
    again.reply_to = 71;
    again.idempotency_key = "a";
    again.fingerprint = "2";
    again.lacks_files = true;
    again.run_spec = std::make_shared<const std::string>("xx");
    cluster.feed(again);
    CHECK(answers_to(cluster, 71).empty());  // it waits for the first one's run
    cluster.join("lab-1");
    cluster.finish(id);
    CHECK(answers_to(cluster, 71).at(0).kind == Kind::result);
    again.reply_to = 72;
    again.idempotency_key = "b";
    cluster.feed(again);
    CHECK(answers_to(cluster, 72).at(0).kind == Kind::lacks_files);
    CHECK_FALSE(cluster.saved.contains(again.id));
  }

  TEST_CASE("a run that waited too long: 21 for who waits, overload for who takes an id") {
    CoreSettings settings;
    settings.queue_wait_ms = 2'000;
    Cluster cluster(settings);
    const JobId patient = cluster.submit({.wait_s = 60, .idempotency_key = "a"});
    const JobId plain = cluster.submit();
    cluster.pass(2'000);
    CHECK(cluster.job(patient).state == JobState::expired);
    CHECK(cluster.answers(patient).at(0).kind == Kind::overloaded);
    CHECK(cluster.answers(plain).at(0).kind == Kind::result);
    CHECK(cluster.job(plain).outcome == 21);
    CHECK(cluster.core.snapshot(cluster.now).expired == 2);
    // It was never run: the same name is a new run.
    const JobId anew = cluster.submit({.idempotency_key = "a"});
    CHECK(cluster.job(anew).state == JobState::queued);
  }

  TEST_CASE("an agent that comes back with a run that has ended is told to drop it") {
    Cluster cluster;
    const LinkId link = cluster.join("lab-1");
    const JobId id = cluster.submit({.asynchronous = true});
    const AttemptId attempt = cluster.current(id);
    cluster.feed(LinkGone{link});
    cluster.feed(Remove{71, id, "", ""});
    const LinkId again = cluster.join("lab-1", {.held = {attempt}});
    REQUIRE(cluster.sent<Cancel>(again).size() == 1);
    CHECK(cluster.sent<Cancel>(again)[0].id == attempt);
    CHECK(cluster.view("lab-1").running == 1);
  }
}
