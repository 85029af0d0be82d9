#include "tests/bench/placement_play.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>

#include "protocol/base/check.h"
#include "tests/unit/master_cluster.h"

namespace docket::bench {
namespace {

constexpr MonoMs kHeartbeatMs = 1'000;
constexpr const char* kUsual = "c";
constexpr const char* kRare = "java";

class CorePlay {
 public:
  CorePlay(const CoreSettings& settings, const std::vector<Machine>& hosts,
           const std::vector<Work>& works)
      : hosts_(hosts), works_(works), cluster_(settings), zero_(cluster_.now.mono) {
    played_.waited.resize(works.size(), -1);
    taken_.resize(hosts.size(), 0);
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      test::Host host{.slots = hosts[i].slots, .weight_percent = hosts[i].speed_percent};
      if (hosts[i].has_rare) host.languages.push_back(kRare);
      const LinkId link = cluster_.join(hosts[i].name, host);
      host_of_[link] = i;
    }
  }

  Played play() {
    MonoMs heartbeat = kHeartbeatMs;
    std::size_t ended = 0;
    while (ended < works_.size()) {
      const MonoMs arrival = next_ < works_.size() ? works_[next_].arrives : kNever;
      const MonoMs end = running_.empty() ? kNever : running_.begin()->first;
      CHECK_THAT(std::min(arrival, end) != kNever);  // or a run waits while every slot is free
      const MonoMs now = std::min({arrival, end, heartbeat});
      cluster_.advance(zero_ + now - cluster_.now.mono);
      if (end == now) {
        end_run();
        ++ended;
      } else if (arrival == now) {
        submit();
      } else {
        keep_alive();
        heartbeat += kHeartbeatMs;
      }
    }
    return std::move(played_);
  }

 private:
  struct Run {
    std::size_t host = 0;
    AttemptId id;
  };

  MonoMs now() const { return cluster_.now.mono - zero_; }

  void keep_alive() {
    for (const Machine& host : hosts_) {
      cluster_.tell(host.name, Heartbeat{now()});
      start_assigned();
    }
    cluster_.tick();
    start_assigned();
  }

  void submit() {
    const char* language = works_[next_].rare ? kRare : kUsual;
    numbers_[cluster_.submit({.language = language, .asynchronous = true})] = next_++;
    start_assigned();
  }

  void end_run() {
    const Run run = running_.begin()->second;
    running_.erase(running_.begin());
    played_.makespan = now();
    --taken_[run.host];
    Finished result = test::ran();
    result.id = run.id;
    cluster_.tell(hosts_[run.host].name, std::move(result));
    start_assigned();
  }

  void start_assigned() {
    for (const Send& send : cluster_.of<Send>()) {
      const auto* order = std::get_if<Assign>(&send.message);
      if (order == nullptr) continue;
      const std::size_t number = numbers_.at(order->id.job);
      const std::size_t host = host_of_.at(send.link);
      CHECK_THAT(played_.waited[number] < 0);  // never twice
      played_.waited[number] = now() - works_[number].arrives;
      CHECK_THAT(++taken_[host] <= hosts_[host].slots);
      if (taken_[host] == hosts_[host].slots) ++played_.filled;
      running_.emplace(now() + hosts_[host].run_ms(works_[number].work_ms), Run{host, order->id});
    }
  }

  const std::vector<Machine>& hosts_;
  const std::vector<Work>& works_;
  test::Cluster cluster_;
  const MonoMs zero_;
  std::map<LinkId, std::size_t> host_of_;
  std::unordered_map<JobId, std::size_t> numbers_;
  std::multimap<MonoMs, Run> running_;  // by their ends
  std::vector<std::size_t> taken_;      // slots, by host
  std::size_t next_ = 0;
  Played played_;
};

// A host with a queue of its own.
class HostQueue {
 public:
  explicit HostQueue(const Machine& machine) : machine_(machine), slots_(machine.slots, 0) {}

  // When a run that comes now starts, on the slot that is free first, and when it ends.
  std::pair<MonoMs, MonoMs> push(const Work& work) {
    const auto slot = std::min_element(slots_.begin(), slots_.end());
    const MonoMs start = std::max(work.arrives, *slot);
    *slot = start + machine_.run_ms(work.work_ms);
    ends_.push(*slot);
    return {start, *slot};
  }

  // Running or waiting there.
  std::size_t runs(MonoMs now) {
    while (!ends_.empty() && ends_.top() <= now) ends_.pop();
    return ends_.size();
  }

  const Machine& machine() const { return machine_; }

 private:
  const Machine& machine_;
  std::vector<MonoMs> slots_;  // until when each is taken
  std::priority_queue<MonoMs, std::vector<MonoMs>, std::greater<>> ends_;
};

// Chooses among the hosts that it is given by their numbers.
class Pusher {
 public:
  Pusher(Push push, std::vector<HostQueue>& queues, std::vector<std::size_t> among,
         std::mt19937_64& random)
      : push_(push),
        queues_(queues),
        random_(random),
        among_(std::move(among)),
        credit_(among_.size(), 0) {
    for (const std::size_t host : among_) weights_.push_back(queues[host].machine().capacity());
  }

  HostQueue& choose(MonoMs now) { return queues_[among_[place(now)]]; }

 private:
  std::size_t place(MonoMs now) {
    switch (push_) {
      case Push::random:
        return std::uniform_int_distribution<std::size_t>(0, among_.size() - 1)(random_);
      case Push::weighted_random:
        return std::discrete_distribution<std::size_t>(weights_.begin(), weights_.end())(random_);
      case Push::weighted_turns:
        return next_in_turn();
      case Push::fewest_runs:
        return fewest_runs(now);
    }
    CHECK_THAT(false);
  }

  std::size_t next_in_turn() {
    for (std::size_t i = 0; i < weights_.size(); ++i) credit_[i] += weights_[i];
    const auto best = std::max_element(credit_.begin(), credit_.end());
    *best -= std::accumulate(weights_.begin(), weights_.end(), 0.0);
    return static_cast<std::size_t>(best - credit_.begin());
  }

  std::size_t fewest_runs(MonoMs now) {
    const auto load = [&](std::size_t i) {
      return static_cast<double>(queues_[among_[i]].runs(now) + 1) / weights_[i];
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < among_.size(); ++i) {
      if (load(i) < load(best)) best = i;
    }
    return best;
  }

  const Push push_;
  std::vector<HostQueue>& queues_;
  std::mt19937_64& random_;
  const std::vector<std::size_t> among_;
  std::vector<double> weights_;
  std::vector<double> credit_;  // of a turn
};

}  // namespace

Played play_core(const CoreSettings& settings, const std::vector<Machine>& hosts,
                 const std::vector<Work>& works) {
  return CorePlay(settings, hosts, works).play();
}

Played play_pushed(Push push, const std::vector<Machine>& hosts, const std::vector<Work>& works,
                   std::mt19937_64& random) {
  std::vector<HostQueue> queues(hosts.begin(), hosts.end());
  std::vector<std::size_t> all, few;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    all.push_back(i);
    if (hosts[i].has_rare) few.push_back(i);
  }
  Pusher usual(push, queues, std::move(all), random);
  Pusher rare(push, queues, std::move(few), random);
  Played played;
  for (const Work& work : works) {
    HostQueue& host = (work.rare ? rare : usual).choose(work.arrives);
    const auto [start, end] = host.push(work);
    if (host.runs(work.arrives) >= host.machine().slots) ++played.filled;
    played.waited.push_back(start - work.arrives);
    played.makespan = std::max(played.makespan, end);
  }
  return played;
}

}  // namespace docket::bench
