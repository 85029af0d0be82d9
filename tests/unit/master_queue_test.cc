// The order of the queue: priority, age, fair shares, arrival. No agents; time is a number.
#include "master/core/queue.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace docket;

namespace {

struct Played {
  Queue queue{60'000};
  MonoMs now = 1'000'000;
  Ticket last = 0;
  std::map<std::string, std::uint32_t> weights;
  std::map<Ticket, std::pair<std::string, std::string>> where;

  void add(const std::string& key, Priority priority = Priority::normal,
           const std::string& language = "c") {
    ++last;
    where[last] = {language, key};
    queue.add(language, key, priority, last, {{last, 0}, now});
  }
  // The key of the next job, which is started; "" when there is none.
  std::string start(const std::vector<std::string>& blocked = {}) {
    Queue::Round round;
    const auto id = queue.take_next(round, now, [&](const Queue::Lane& lane, const JobId&) {
      const bool stop = std::find(blocked.begin(), blocked.end(), lane.language) != blocked.end();
      return stop ? Queue::Offered::language_blocked : Queue::Offered::taken;
    });
    if (!id) return "";
    const auto [language, key] = where.at(id->job.hi);
    queue.remove(language, key, id->job.hi);
    queue.charge(key, *id, cost(key));
    return key;
  }
  double cost(const std::string& key) const {
    return 1'000.0 / (weights.contains(key) ? weights.at(key) : 1);
  }
  std::string order(int count) {
    std::string keys;
    for (int i = 0; i < count; ++i) keys += start();
    return keys;
  }
};

}  // namespace

TEST_SUITE("master queue") {
  TEST_CASE("without keys, or with one, it is first come, first served over all languages") {
    Played played;
    played.add("a", Priority::normal, "java");
    played.add("a", Priority::normal, "c");
    played.add("a", Priority::normal, "java");
    Queue::Round round;
    std::vector<std::uint64_t> order;
    while (const auto id = played.queue.take_next(
               round, played.now,
               [](const Queue::Lane&, const JobId&) { return Queue::Offered::taken; })) {
      order.push_back(id->job.hi);
      const auto [language, key] = played.where.at(id->job.hi);
      played.queue.remove(language, key, id->job.hi);
    }
    CHECK(order == std::vector<std::uint64_t>{1, 2, 3});
  }

  TEST_CASE("a flood of one key delays another's run by one decision") {
    Played played;
    for (int i = 0; i < 5'000; ++i) played.add("a");
    CHECK(played.order(1'000) == std::string(1'000, 'a'));
    played.add("b");
    CHECK(played.start() == "b");
    CHECK(played.start() == "a");
    // b was idle for long: it has not saved up a flood of its own.
    for (int i = 0; i < 100; ++i) played.add("b");
    const std::string both = played.order(100);
    CHECK(std::count(both.begin(), both.end(), 'b') == 50);
  }

  TEST_CASE("a flood is one decision long where other hosts' languages raise the level") {
    Played played;
    for (int i = 0; i < 100; ++i) played.add("regrade", Priority::normal, "java");
    for (int i = 0; i < 100; ++i) played.add("course", Priority::normal, "c");
    const auto in_java = [&] { return played.start({"c"}); };
    const auto in_c = [&] { return played.start({"java"}); };
    CHECK(in_java() == "regrade");
    for (int i = 0; i < 10; ++i) CHECK(in_c() == "course");
    played.add("exam", Priority::normal, "java");
    CHECK(in_java() == "exam");
    for (int i = 0; i < 10; ++i) CHECK(in_c() == "course");
    played.add("exam", Priority::normal, "java");
    CHECK(in_java() == "regrade");
    for (int i = 0; i < 10; ++i) CHECK(in_c() == "course");
    CHECK(in_java() == "exam");
  }

  TEST_CASE("weights are shares") {
    Played played;
    played.weights["a"] = 3;
    for (int i = 0; i < 400; ++i) played.add("a");
    for (int i = 0; i < 400; ++i) played.add("b");
    const std::string order = played.order(400);
    CHECK(std::count(order.begin(), order.end(), 'a') == 300);
    // And evenly so.
    const std::string first = order.substr(0, 40);
    CHECK(std::count(first.begin(), first.end(), 'a') == 30);
  }

  TEST_CASE("a higher priority goes first, until the lower has waited its time") {
    Played played;
    played.add("l", Priority::low);
    played.add("n", Priority::normal);
    for (int i = 0; i < 3; ++i) played.add("h", Priority::high);
    CHECK(played.order(1) == "h");
    played.now += 60'000;  // normal is high now, low is normal
    for (int i = 0; i < 3; ++i) played.add("h", Priority::high);
    CHECK(played.order(1) == "n");  // it has had less
    CHECK(played.order(2) == "hh");
    played.now += 60'000;
    CHECK(played.order(1) == "l");
  }

  TEST_CASE("a flood that has waited long does not set newcomers of its class back") {
    Played played;
    for (int i = 0; i < 500; ++i) played.add("f");
    played.now += 300'000;
    CHECK(played.order(100) == std::string(100, 'f'));
    played.add("n");
    played.add("h", Priority::high);
    const std::string order = played.order(3);
    CHECK(std::count(order.begin(), order.end(), 'f') <= 1);
    // Of a worse class, the newcomer waits.
    played.add("l", Priority::low);
    CHECK(played.order(100) == std::string(100, 'f'));
  }

  TEST_CASE("nothing starves behind an endless stream of a higher priority") {
    Played played;
    played.add("l", Priority::low);
    int waited_s = 0;
    std::string key;
    while (key != "l" && waited_s < 1'000) {
      played.add("h", Priority::high);
      played.add("h", Priority::high);
      key = played.start();
      played.now += 1'000;
      ++waited_s;
    }
    CHECK(waited_s <= 122);
  }

  TEST_CASE("a blocked language holds nobody else up") {
    Played played;
    played.add("a", Priority::high, "java");
    played.add("b", Priority::normal, "c");
    CHECK(played.start({"java"}) == "b");
    CHECK(played.start({"java"}).empty());
    CHECK(played.start() == "a");
  }

  TEST_CASE("a job that is passed over lets the next of its lane go") {
    Played played;
    played.add("a");
    played.add("a");
    Queue::Round round;
    const auto id =
        played.queue.take_next(round, played.now, [](const Queue::Lane&, const JobId& job) {
          return job.hi == 1 ? Queue::Offered::passed_over : Queue::Offered::taken;
        });
    REQUIRE(id);
    CHECK(id->job.hi == 2);
  }

  TEST_CASE("a busy higher class does not set a lower one's newcomers back") {
    Played played;
    played.add("n");
    for (int i = 0; i < 2'000; ++i) {
      played.add("h", Priority::high);
      CHECK(played.start() == "h");
    }
    for (int i = 0; i < 100; ++i) played.add("n");
    for (int i = 0; i < 100; ++i) played.add("m");
    const std::string order = played.order(40);
    CHECK(std::count(order.begin(), order.end(), 'm') >= 19);
  }

  TEST_CASE("who waited its way up does not push the higher class aside") {
    Played played;
    for (int i = 0; i < 500; ++i) played.add("n");
    played.now += 60'000;
    for (int i = 0; i < 500; ++i) played.add("h", Priority::high);
    const std::string order = played.order(100);
    CHECK(std::count(order.begin(), order.end(), 'h') == 50);
  }
}
