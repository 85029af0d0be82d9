// An agent's core with master and sandbox played by hand; time is a number. One thread.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/core.h"

namespace docket::agent::test {

inline const JobId kJob{0x0192d3a4b5c60001, 0x1122334455667788};
inline const std::vector<Language> kC = {{"c", "12"}};

inline AttemptId attempt(std::uint64_t number) {
  return {{kJob.hi + number, kJob.lo}, 1};
}

inline RunAnswered run_answer(const AttemptId& id, Ending ending = Ending::ran) {
  RunAnswered answer;
  answer.id = id;
  answer.ending = ending;
  answer.http_status = ending == Ending::ran ? 200 : 0;
  answer.outcome = ending == Ending::ran ? 15 : 0;
  answer.body = ending == Ending::ran ? "{}" : "";
  answer.detail = ending == Ending::ran ? "" : "connection refused";
  return answer;
}

// The core with what it wanted done in the last turn.
class Played {
 public:
  explicit Played(std::uint32_t slots = 2) : core(settings(slots)) {}

  static CoreSettings settings(std::uint32_t slots) {
    CoreSettings settings;
    settings.name = "lab-1";
    settings.version = "1.0";
    settings.instance = 7;
    settings.slots = slots;
    settings.master = "tcp://master:4002";
    return settings;
  }

  void feed(Event event) {
    last.clear();
    core.step(std::move(event), now, last);
  }
  void hear(ToAgent message) { feed(FromMaster{std::move(message)}); }
  void tick() {
    last.clear();
    core.tick(now, last);
  }

  // Time passes, turn by turn, with or without the master's heartbeat; gathers every effect.
  void pass(MonoMs ms, bool master_alive = true) {
    Effects all;
    const MonoMs end = now.mono + ms;
    while (now.mono < end) {
      const MonoMs next = std::clamp(core.next_deadline(), now.mono + 1, now.mono + 500);
      now.mono = std::min(next, end);
      if (master_alive) {
        hear(Heartbeat{master_ms()});
        all.insert(all.end(), last.begin(), last.end());
      }
      tick();
      all.insert(all.end(), last.begin(), last.end());
      CHECK(core.next_deadline() > now.mono);  // or the loop would spin
    }
    last = std::move(all);
  }

  MonoMs master_ms() const { return now.mono + kMasterAhead; }

  void welcome() {
    Welcome message;
    message.version = "1.0";
    message.master_ms = master_ms();
    message.heartbeat_ms = 1'000;
    message.silence_ms = 5'000;
    hear(message);
  }

  // Probed, hello said, welcomed.
  void join() {
    tick();
    feed(Probed{kC, ""});
    tick();
    REQUIRE(told<Hello>().size() == 1);
    welcome();
  }

  Assign order(const AttemptId& id, std::vector<std::string> files = {}) const {
    Assign order;
    order.id = id;
    order.expires_ms = master_ms() + 10'000;
    order.lease_ms = 70'000;
    order.language = "c";
    order.files = std::move(files);
    order.body = "body";
    return order;
  }

  template <class T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const Effect& effect : last) {
      if (const auto* match = std::get_if<T>(&effect)) found.push_back(*match);
    }
    return found;
  }
  template <class T>
  std::vector<T> told() const {
    std::vector<T> found;
    for (const SendToMaster& send : of<SendToMaster>()) {
      if (const auto* match = std::get_if<T>(&send.message)) found.push_back(*match);
    }
    return found;
  }
  bool quiet() const { return last.empty(); }

  static constexpr MonoMs kMasterAhead = 5'000'000;

  Core core;
  Now now{1'000, 1'700'000'000'000};
  Effects last;
};

// The only result told in the last turn.
inline Finished only_result(const Played& agent) {
  const auto results = agent.told<Finished>();
  REQUIRE(results.size() == 1);
  return results[0];
}

}  // namespace docket::agent::test
