#include "tests/sim/plan.h"

#include <algorithm>
#include <utility>

namespace docket::sim {
namespace {

std::vector<std::string> some_languages(Dice& dice) {
  std::vector<std::string> languages;
  while (languages.empty()) {
    for (const auto& language : kLanguages) {
      if (dice.chance(65)) languages.push_back(language);
    }
  }
  return languages;
}

std::vector<std::pair<const char*, bool>> faults_of(const Plan& plan) {
  return {{"master-crashes", plan.master_crashes},
          {"master-stalls", plan.master_stalls},
          {"agent-crashes", plan.agent_crashes},
          {"agent-stalls", plan.agent_stalls},
          {"agent-restarts", plan.agent_restarts},
          {"host-reboots", plan.host_reboots},
          {"cuts", plan.cuts},
          {"swizzles", plan.swizzles},
          {"resets", plan.resets},
          {"wild-network", plan.wild},
          {"sick-sandboxes", plan.sick_sandboxes},
          {"short-hosts", plan.short_hosts},
          {"breaking-programs", plan.breaking_programs},
          {"slow-disk", plan.slow_disk},
          {"failing-disk", plan.failing_disk},
          {"operators", plan.operators},
          {"leaving-clients", plan.leaving_clients},
          {"wall-steps", plan.wall_steps},
          {"pins", !plan.core.pins.empty()},
          {"flood", plan.flood > 0}};
}

// The first host serves everybody, so that every run can be run.
void draw_reservations(Dice& dice, Plan& plan) {
  if (!plan.keys.empty() && dice.chance(30)) {
    for (HostPlan& host : plan.hosts) {
      if (host.name == plan.hosts.front().name || dice.chance(40)) host.tags = {"exam"};
    }
    plan.keys.front().tags = {"exam"};
  }
  if (dice.chance(20)) {
    auto& pinned = plan.core.pins[dice.one_of(kLanguages)];
    for (const HostPlan& host : plan.hosts) {
      if (host.name == plan.hosts.front().name || dice.chance(40)) pinned.push_back(host.name);
    }
  }
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

bool serves(const Plan& plan, const HostPlan& host, const std::string& language,
            const std::vector<std::string>& tags) {
  const auto pinned = plan.core.pins.find(language);
  return contains(host.languages, language) &&
         (pinned == plan.core.pins.end() || contains(pinned->second, host.name)) &&
         std::all_of(tags.begin(), tags.end(),
                     [&](const std::string& tag) { return contains(host.tags, tag); });
}

Plan draw_plan(Dice& dice) {
  Plan plan;
  plan.core.max_attempts = static_cast<std::uint32_t>(dice.between(2, 4));
  if (dice.chance(50)) plan.core.lease_base_ms = 20'000;
  if (dice.chance(30)) plan.core.queue_wait_ms = 60'000;
  if (dice.chance(20)) plan.core.max_queued_jobs = 30;

  const auto hosts = static_cast<std::size_t>(dice.between(1, 6));
  for (std::size_t i = 0; i < hosts; ++i) {
    HostPlan& host = plan.hosts.emplace_back();
    host.name = "lab-" + std::to_string(i + 1);
    host.slots = static_cast<std::uint32_t>(dice.between(1, 4));
    host.weight_percent = dice.chance(70) ? 100 : static_cast<std::uint32_t>(dice.between(50, 300));
    host.languages = i == 0 ? kLanguages : some_languages(dice);
  }
  plan.jobs = static_cast<std::uint64_t>(dice.between(100, 400));
  plan.arrivals_ms = dice.between(20'000, 200'000);
  plan.faults_until_ms = plan.arrivals_ms + dice.between(0, 60'000);
  plan.heal_bound_ms = 1'800'000;

  const int keys = dice.chance(30) ? 0 : static_cast<int>(dice.between(2, 4));
  for (int i = 0; i < keys; ++i) {
    ApiKey& key = plan.keys.emplace_back();
    key.name = "key-" + std::to_string(i + 1);
    key.hash = "hash of " + key.name;
    key.weight = static_cast<std::uint32_t>(dice.between(1, 4));
    key.priority = dice.chance(60)   ? Priority::normal
                   : dice.chance(50) ? Priority::low
                                     : Priority::high;
  }
  // All at once in quiet weather, else the others' waiting has other causes.
  if (keys > 0 && dice.chance(35)) {
    plan.flood = 600;
    plan.even_runs = true;
    plan.core.queue_wait_ms = 600'000;
    plan.core.max_queued_jobs = 100'000;
    for (ApiKey& key : plan.keys) key.priority = Priority::normal;
    plan.arrivals_ms = 150'000;
    plan.faults_until_ms = 180'000;
  } else {
    draw_reservations(dice, plan);
  }
  for (bool* fault :
       {&plan.master_crashes, &plan.master_stalls, &plan.agent_crashes, &plan.agent_stalls,
        &plan.agent_restarts, &plan.host_reboots, &plan.cuts, &plan.swizzles, &plan.resets,
        &plan.sick_sandboxes, &plan.short_hosts, &plan.breaking_programs, &plan.slow_disk,
        &plan.failing_disk, &plan.operators, &plan.leaving_clients, &plan.wall_steps}) {
    *fault = dice.chance(plan.flood > 0 ? 15 : 40);
  }
  plan.wild = dice.chance(20);
  return plan;
}

Plan big_plan(std::uint64_t agents, std::uint64_t jobs) {
  Plan plan;
  for (std::uint64_t i = 0; i < agents; ++i) {
    plan.hosts.push_back({"lab-" + std::to_string(i + 1), 2, 100, kLanguages, {}});
  }
  plan.jobs = jobs;
  plan.arrivals_ms = 60'000;
  plan.faults_until_ms = 60'000;
  plan.heal_bound_ms = 1'800'000;
  plan.snapshots = false;
  plan.agent_crashes = true;
  plan.resets = true;
  return plan;
}

std::string describe(const Plan& plan) {
  std::string text = std::to_string(plan.hosts.size()) + " hosts, " +
                     std::to_string(plan.jobs + plan.flood) + " jobs, " +
                     std::to_string(plan.keys.size()) + " keys;";
  for (const auto& [name, strikes] : faults_of(plan)) {
    if (strikes) text += std::string(" ") + name;
  }
  return text;
}

}  // namespace docket::sim
