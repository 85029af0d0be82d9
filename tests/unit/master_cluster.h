// A master's core with its agents played by hand: it feeds events, moves the time, keeps what was
// saved and answered, and sends the heartbeats that a test does not care about. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "master/core/canary.h"
#include "master/core/core.h"

namespace docket::test {

struct Host {
  std::uint32_t slots = 1;
  std::uint32_t weight_percent = 100;
  std::vector<std::string> languages = {"c"};
  std::uint64_t instance = 1;
  std::vector<AttemptId> held = {};
  std::vector<std::string> tags = {};
};

struct Run {
  std::string language = "c";
  bool asynchronous = false;
  std::optional<std::uint32_t> wait_s = {};
  std::string key = {};
  std::string idempotency_key = {};
  std::size_t bytes = 2;
  std::vector<std::string> files = {};
};

inline JobId job_number(std::uint64_t number) {
  return {0x0192d3a4b5c60000 + number, 0x1122334455667788};
}

inline Hello hello_of(const std::string& name, const Host& host) {
  Hello hello;
  hello.name = name;
  hello.instance = host.instance;
  hello.version = "1.0";
  hello.slots = host.slots;
  hello.weight_percent = host.weight_percent;
  for (const auto& language : host.languages) hello.languages.push_back({language, "1"});
  hello.held = host.held;
  hello.tags = host.tags;
  return hello;
}

inline Finished ran(Outcome outcome = Outcome::ok) {
  Finished result;
  result.ending = Ending::ran;
  result.http_status = 200;
  result.outcome = static_cast<std::uint32_t>(outcome);
  result.body = "{\"outcome\":" + std::to_string(result.outcome) + "}";
  return result;
}

// Without a byte of text.
inline Finished silence() {
  Finished result = ran();
  result.remark = Remark::silent;
  return result;
}

inline Finished ended(Ending ending) {
  Finished result;
  result.ending = ending;
  result.detail = "told by a test";
  return result;
}

class Cluster {
 public:
  explicit Cluster(CoreSettings with = {}) : settings(with), core(with, "1.0") {}

  // ---- events

  void feed(Event event) {
    last.clear();
    core.step(std::move(event), now, last);
    keep();
  }

  void tell(const std::string& name, ToMaster message) {
    feed(FromAgent{links.at(name), std::move(message)});
  }

  // On a new connection.
  LinkId join(const std::string& name, const Host& host = {}) {
    const LinkId link = ++last_link_;
    feed(FromAgent{link, hello_of(name, host)});
    links[name] = link;
    return link;
  }

  JobId submit(const Run& run = {}) {
    const JobId id = job_number(++last_job_);
    Submit event;
    event.id = id;
    event.reply_to = reply_to(id);
    event.patience = {run.asynchronous, run.wait_s};
    event.key = run.key;
    event.idempotency_key = run.idempotency_key;
    if (!run.idempotency_key.empty()) event.fingerprint = std::to_string(run.bytes);
    event.language = run.language;
    event.files = run.files;
    event.run_spec = std::make_shared<const std::string>(run.bytes, 'x');
    feed(std::move(event));
    return id;
  }

  void add_key(ApiKey key) {
    key.hash = key.name;
    feed(CreateKey{999, std::move(key)});
  }

  // The agent that runs the job tells how it ended.
  void finish(const JobId& id, Finished result = ran()) {
    const std::string name = agent_of(id);
    result.id = current(id);
    tell(name, std::move(result));
  }

  void tick() {
    last.clear();
    core.tick(now, last);
    keep();
  }

  // Time passes; every joined agent that is not silent keeps its heartbeat.
  void pass(MonoMs ms) {
    const MonoMs end = now.mono + ms;
    while (now.mono < end) {
      const MonoMs next = std::clamp(core.next_deadline(), now.mono + 1, now.mono + 1'000);
      advance(std::min(next, end) - now.mono);
      for (const auto& [name, link] : links) {
        if (!silent.contains(name)) feed(FromAgent{link, Heartbeat{now.mono}});
      }
      tick();
    }
  }

  void advance(MonoMs ms) {
    now.mono += ms;
    now.wall += ms;
  }

  // ---- what came of it

  static ReplyTo reply_to(const JobId& id) { return id.hi; }

  const Job& job(const JobId& id) const { return saved.at(id); }
  bool running(const JobId& id) const { return job(id).state == JobState::running; }
  // Empty when it does not run.
  std::string agent_of(const JobId& id) const {
    return running(id) ? job(id).attempts.back().agent : std::string();
  }
  AttemptId current(const JobId& id) const { return {id, job(id).attempts.back().number}; }
  const std::vector<Answer>& answers(const JobId& id) { return answered[reply_to(id)]; }
  AgentView view(const std::string& name) const {
    for (const AgentView& view : core.snapshot(now).agents) {
      if (view.name == name) return view;
    }
    return {};
  }

  // Effects of a kind in the last turn, and messages of a kind to one connection.
  template <class T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const Effect& effect : last) {
      if (const auto* match = std::get_if<T>(&effect)) found.push_back(*match);
    }
    return found;
  }
  template <class T>
  std::vector<T> sent(LinkId link) const {
    std::vector<T> found;
    for (const Send& send : of<Send>()) {
      const auto* match = std::get_if<T>(&send.message);
      if (send.link == link && match != nullptr) found.push_back(*match);
    }
    return found;
  }

  const CoreSettings settings;
  Core core;
  Now now{1'000'000, 1'700'000'000'000};
  std::map<std::string, LinkId> links;
  std::set<std::string> silent;
  Effects last;
  std::vector<Assign> canaries;  // sent to any agent and not yet taken away by the test
  std::map<JobId, Job> saved;
  std::map<ReplyTo, std::vector<Answer>> answered;

 private:
  void keep() {
    for (const Effect& effect : last) {
      const auto* send = std::get_if<Send>(&effect);
      const auto* order = send == nullptr ? nullptr : std::get_if<Assign>(&send->message);
      if (order != nullptr && is_canary(order->id.job)) canaries.push_back(*order);
      if (const auto* save = std::get_if<SaveJob>(&effect)) saved[save->job.id] = save->job;
      if (const auto* answer = std::get_if<Answer>(&effect)) {
        answered[answer->to].push_back(*answer);
      }
    }
  }

  LinkId last_link_ = 0;
  std::uint64_t last_job_ = 0;
};

}  // namespace docket::test
