#include "tests/e2e/faults/audit.h"

#include <algorithm>

namespace docket::e2e {
namespace {

using nlohmann::json;

constexpr int kSettleMs = 60'000;  // programs that nobody waits for run to their limits

class Auditor {
 public:
  explicit Auditor(Rig& rig) : rig_(rig), started_(rig.programs_started()) {}

  void check_client(const Ticket& ticket, const std::string& jobe) {
    ++counts_.attempted;
    counts_.broken += ticket.broken;
    counts_.refused += ticket.refused;
    for (const auto& what : ticket.unexpected) find(counts_.unexpected, ticket, what);
    if (ticket.answer.empty()) {
      if (ticket.unexpected.empty() || !ticket.id.empty()) find(counts_.lost, ticket, "no answer");
      return;
    }
    if (ticket.unexpected.empty()) ++counts_.answered;
    check_again(ticket, jobe);
    const auto started = started_.find(ticket.token);
    if (started == started_.end()) {
      find(counts_.unexpected, ticket, "answered, but its program was never started");
    } else {
      counts_.run_again += started->second - 1;
    }
  }

  // What the master has recorded for all jobs with this token.
  void check_records(const Ticket& ticket) {
    const auto& jobs = jobs_[ticket.token];
    const bool named = ticket.kind != Ticket::Kind::plain;
    const auto most = named ? 1u : static_cast<std::size_t>(ticket.posts);
    if (jobs.size() > most) {
      find(counts_.doubled, ticket, std::to_string(jobs.size()) + " jobs were made of it");
    }
    for (const auto& job : jobs) check_record(ticket, job);
  }

  void read_records() {
    for (auto& job : rig_.jobs()) jobs_[job.at("client_job")].push_back(std::move(job));
  }

  Counts counts() { return counts_; }

 private:
  void find(int& count, const Ticket& ticket, const std::string& what) {
    ++count;
    counts_.findings.push_back(ticket.token + " " + what);
  }

  // The same question must get the same answer for as long as the result is kept.
  void check_again(const Ticket& ticket, const std::string& jobe) {
    if (ticket.kind == Ticket::Kind::plain) return;
    const bool has_id = !ticket.id.empty();
    const Reply again = has_id
                            ? http("GET", jobe_url(jobe, "runresults/" + ticket.id))
                            : http("POST", jobe_url(jobe, "runs"), ticket.body, ticket.headers());
    if (again.status != 200 || again.body != ticket.answer) {
      find(counts_.doubled, ticket,
           "answered, and then otherwise: " + std::to_string(again.status) + " " + again.body);
    }
  }

  void check_record(const Ticket& ticket, const json& job) {
    const std::string state = job.at("state");
    if (state == "queued" || state == "running") {
      return find(counts_.unexpected, ticket, "still " + state + " when all was over");
    }
    int results = 0;
    for (const auto& attempt : job.at("timeline")) results += attempt.at("ending") == "ran" ? 1 : 0;
    if (results > 1) find(counts_.doubled, ticket, std::to_string(results) + " recorded results");
  }

  Rig& rig_;
  const std::map<std::string, int> started_;
  std::map<std::string, std::vector<json>> jobs_;  // by token
  Counts counts_;
};

}  // namespace

json to_json(const Counts& counts) {
  return {{"attempted", counts.attempted},
          {"answered", counts.answered},
          {"lost", counts.lost},
          {"doubled", counts.doubled},
          {"unexpected", counts.unexpected},
          {"broken", counts.broken},
          {"refused", counts.refused},
          {"run_again", counts.run_again},
          {"findings", counts.findings}};
}

Counts counts_of(const json& value) {
  Counts counts;
  value.at("attempted").get_to(counts.attempted);
  value.at("answered").get_to(counts.answered);
  value.at("lost").get_to(counts.lost);
  value.at("doubled").get_to(counts.doubled);
  value.at("unexpected").get_to(counts.unexpected);
  value.at("broken").get_to(counts.broken);
  value.at("refused").get_to(counts.refused);
  value.at("run_again").get_to(counts.run_again);
  value.at("findings").get_to(counts.findings);
  return counts;
}

Counts audit(Rig& rig, Load& load) {
  load.finish();
  const auto all_over = [&] {
    const auto unfinished = [](const json& job) {
      return job["state"] == "queued" || job["state"] == "running";
    };
    const auto jobs = rig.jobs();
    return std::none_of(jobs.begin(), jobs.end(), unfinished);
  };
  eventually(kSettleMs, all_over);  // what is left over is found below
  Auditor auditor(rig);
  for (const auto& client : load.clients()) {
    for (const auto& ticket : client) auditor.check_client(ticket, load.jobe());
  }
  auditor.read_records();
  for (const auto& client : load.clients()) {
    for (const auto& ticket : client) auditor.check_records(ticket);
  }
  return auditor.counts();
}

}  // namespace docket::e2e
