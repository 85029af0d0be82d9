// kill -9 at named points of a job's life, in the master, in an agent and in a sandbox.
#include <doctest/doctest.h>
#include <signal.h>

#include "tests/e2e/faults/cell.h"
#include "tests/e2e/faults/old_layout.h"

namespace docket::e2e {
namespace {

enum class Victim { master, agent, sandbox };

struct Point {
  const char* name;
  Death death;
  LoadShape shape = {};
  // What must be done to get there, once the load has begun. The victim has been told where to die.
  std::function<void(Rig&)> provoke = {};
  // What else must be true when all is over.
  std::function<void(Rig&)> verify = {};
};

// For points that not every program comes to: then the victim's half of the load does.
const LoadShape kCompiled = {.programs = Programs::compiled};
const LoadShape kWithFile = {.programs = Programs::with_file};

Node& victim_of(Rig& rig, Victim victim) {
  switch (victim) {
    case Victim::master:
      return rig.master();
    case Victim::agent:
      return rig.agent(0);
    case Victim::sandbox:
      return rig.sandbox(0);
  }
  FAIL("no such victim");
  return rig.master();
}

Counts kill_at(Victim victim, const Point& point) {
  Rig rig;
  Node& node = victim_of(rig, victim);
  rig.start(&node, point.death);
  Load load(rig.jobe(), point.shape);
  load.start();
  if (point.provoke) point.provoke(rig);
  node.must_die_at(point.death);
  // Long enough for clients and neighbours to meet the closed door.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  rig.heal();
  Counts counts = audit(rig, load);
  if (point.verify) point.verify(rig);
  return counts;
}

std::string how(const Death& death) {
  std::string text;
  for (const auto& step : death.steps) text += (text.empty() ? "`" : ", then `") + step + "`";
  return death.delay_ms == 0 ? text : text + " + " + std::to_string(death.delay_ms) + " ms";
}

void add(std::vector<Cell>& cells, const std::string& group, Victim victim,
         const std::vector<Point>& points) {
  for (const Point& point : points) {
    cells.push_back({group, point.name, how(point.death), [=] { return kill_at(victim, point); }});
  }
}

// ---- the master

const std::string kInsert = "sqlite3_step INSERT OR REPLACE INTO jobs*";
const std::string kResultSent = "send HTTP/1.1 200*\"outcome\"*";

// The first insert is that of a new job. What is assigned after the first result has waited in the
// queue, and is on disk.
std::vector<Point> master_points() {
  LoadShape large;
  large.padding_bytes = 300'000;  // so that the log is soon long enough for a checkpoint
  const std::string database = "pwrite64 */docket.db";
  return {
      {"before insert", {{"before " + kInsert}}},
      {"after insert, before commit", {{"after " + kInsert}}},
      {"half of the commit written", {{"after " + kInsert, "half " + database + "-wal"}}},
      {"after commit, before the 202",
       {{"after sqlite3_exec COMMIT", "before send HTTP/1.1 202*"}}},
      {"after commit, before assign", {{"after zmq_msg_recv Finished", "before zmq_send Assign"}}},
      {"after assign", {{"after zmq_msg_recv Finished", "after zmq_send Assign"}}},
      {"mid-run", {{"after zmq_msg_recv Finished", "after zmq_send Assign"}, 200}},
      {"after result, before commit",
       {{"after zmq_msg_recv Finished", "before sqlite3_exec COMMIT"}}},
      {"after commit, before reply",
       {{"after zmq_msg_recv Finished", "after sqlite3_exec COMMIT", "before " + kResultSent}}},
      {"half of the reply sent", {{"half " + kResultSent}}},
      {"during a file push", {{"after zmq_send FileChunk", "after zmq_send FileChunk"}}},
      {"during a checkpoint",
       {{"after zmq_send Assign", "after " + database, "after " + database, "half " + database}},
       large},
  };
}

// A database of the first layout, full of acknowledged jobs.
const Death kInMigration = {
    {"before sqlite3_exec ALTER TABLE jobs RENAME*", "half pwrite64 */docket.db-wal"}};

Counts kill_in_migration() {
  Rig rig;
  rig.start();
  for (std::size_t host : {0, 1}) rig.agent(host).process().kill_now();  // so that all jobs wait
  LoadShape shape;
  shape.rounds = 0;  // the first layout knows no Idempotency-Keys, by which the others repeat
  shape.asynchronous_jobs = 6;
  Load load(rig.jobe(), shape);
  load.start();
  CHECK(eventually(20'000, [&] { return rig.status()["submitted"] == 12; }));
  rig.master().process().kill_now();
  make_old_layout(rig.master_data());
  rig.master().start(kInMigration);
  rig.master().must_die_at(kInMigration);
  rig.heal();
  return audit(rig, load);
}

// ---- an agent

void kill_master_in_mid_run(Rig& rig) {
  REQUIRE(eventually(20'000, [&] { return rig.status()["running"] == 4; }));
  rig.master().process().kill_now();
}

void stop_in_mid_run(Rig& rig) {
  REQUIRE(eventually(20'000, [&] { return rig.status()["running"] == 4; }));
  rig.agent(0).process().signal(SIGTERM);
}

// The link that closed has told the master, before the agent was back.
void was_missed(Rig& rig) {
  CHECK(rig.attempts_that("agent lost") > 0);
}

std::vector<Point> agent_points() {
  const std::string posted = "after send POST */runs *";
  const std::string kept = "*/results/*.result";
  return {
      {"Hello sent, no answer yet", {{"after zmq_send Hello"}}},
      {"assignment read, not posted", {{"after zmq_msg_recv Assign"}}},
      {"run posted", {{posted}}},
      {"mid-run", {{posted}, 200}, {}, {}, was_missed},
      {"during a file push", {{"half send PUT */files/*"}}, kWithFile},
      {"answer read, not told", {{"before zmq_send Finished"}}},
      {"told, not taken", {{"after zmq_send Finished"}}},
      {"taken, not forgotten", {{"after zmq_msg_recv Taken"}}},
      {"master away: half of a result kept",
       {{"half write " + kept + ".half"}},
       {},
       kill_master_in_mid_run},
      {"master away: result kept, not named",
       {{"before rename " + kept}},
       {},
       kill_master_in_mid_run},
      {"draining", {{"after zmq_send Draining"}, 100}, {}, stop_in_mid_run},
  };
}

// Nobody is left who saw the agent die: only the agent itself, which is started again and names no
// run, can tell the master that those on its disk are gone.
Counts kill_with_master() {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {.run_ms = 3'000});
  load.start();
  REQUIRE(eventually(20'000, [&] { return rig.programs_started().size() >= 4; }));
  rig.master().process().kill_now();
  rig.agent(0).process().kill_now();
  CHECK(rig.results_kept(0) == 0);
  rig.heal();
  Counts counts = audit(rig, load);
  CHECK(rig.attempts_that("forgotten by agent") > 0);
  return counts;
}

// Killed twice: with results on disk, and again while it tells them.
const Death kInReplay = {{"after zmq_send Hello", "after zmq_send Finished"}};

Counts kill_in_replay() {
  Rig rig;
  rig.start();
  Load load(rig.jobe(), {});
  load.start();
  kill_master_in_mid_run(rig);
  REQUIRE(eventually(30'000, [&] { return rig.results_kept(0) > 0; }));
  rig.agent(0).process().kill_now();
  rig.agent(0).start(kInReplay);
  rig.start_master();
  rig.agent(0).must_die_at(kInReplay);
  rig.heal();
  Counts counts = audit(rig, load);
  CHECK(rig.results_kept(0) == 0);
  return counts;
}

// ---- a sandbox

std::vector<Point> sandbox_points() {
  const std::string compile = "posix_spawn *gcc*-x c *";
  return {
      {"answering GET languages", {{"before send HTTP/1.1 200*python3*"}}},
      {"connection accepted", {{"after accept4 *", "after accept4 *"}}},
      {"request read", {{"after recv POST */runs *"}}},
      {"before compile", {{"before " + compile}}, kCompiled},
      {"mid-compile", {{"after " + compile}, 50}, kCompiled},
      {"compiled, before run",
       {{"after " + compile, "before posix_spawn *.exe token-*"}},
       kCompiled},
      {"mid-run", {{"after posix_spawn *token-*"}, 200}},
      {"ran, before reply", {{"before " + kResultSent}}},
      {"half of the reply sent", {{"half " + kResultSent}}},
      {"asked for a file", {{"after recv HEAD */files/*"}}, kWithFile},
      {"during a file push", {{"after recv PUT */files/*"}}, kWithFile},
      {"file written, not named", {{"before rename */files/*"}}, kWithFile},
  };
}

}  // namespace

std::vector<Cell> kill_cells() {
  std::vector<Cell> cells;
  add(cells, "kill -9 of the master", Victim::master, master_points());
  cells.push_back({"kill -9 of the master", "during migration",
                   how(kInMigration) + ", from the first layout; all clients take an id",
                   kill_in_migration});
  add(cells, "kill -9 of an agent", Victim::agent, agent_points());
  cells.push_back({"kill -9 of an agent", "mid-run, just after the master",
                   "both by the test, while every slot has a program", kill_with_master});
  cells.push_back({"kill -9 of an agent", "telling kept results again",
                   how(kInReplay) + ", started with results on disk", kill_in_replay});
  add(cells, "kill -9 of a sandbox", Victim::sandbox, sandbox_points());
  return cells;
}

}  // namespace docket::e2e
