#include "master/http/api/metrics.h"

#include <map>

#include "master/http/api/exposition.h"

namespace docket::http {
namespace {

void tell_build(Exposition& out, const Build& build, const ProcessFigures& process) {
  out.gauge("docket_build_info", "Always 1; the master's version is its label.");
  out.sample(1, {{"version", build.version}});
  out.gauge("process_start_time_seconds", "When the master started, in seconds since 1970.");
  out.sample(static_cast<double>(build.started) / 1e3);
  out.counter("process_cpu_seconds_total", "CPU time that the master has used.");
  out.sample(process.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Memory that the master has in use.");
  out.sample(process.resident_bytes);
  out.gauge("process_open_fds", "Descriptors that the master has open.");
  out.sample(process.open_descriptors);
  out.gauge("process_max_fds", "Descriptors that it may have open.");
  out.sample(process.max_descriptors);
}

void tell_queue(Exposition& out, const Snapshot& now) {
  out.gauge("docket_accepting", "1 while new runs are accepted, 0 while they get 503.");
  out.sample(now.accepting ? 1 : 0);
  out.gauge("docket_queue_jobs", "Jobs that wait, by language.");
  for (const auto& of : now.counters.languages) {
    out.sample(of.waiting, {{"language", of.language}});
  }
  out.gauge("docket_queue_bytes", "Bytes of the requests that wait.");
  out.sample(now.queued_bytes);
  out.gauge("docket_queue_max_jobs", "Jobs that may wait.");
  out.sample(now.max_queued);
  out.gauge("docket_queue_max_bytes", "Bytes of requests that may wait.");
  out.sample(now.max_queued_bytes);
  out.gauge("docket_queue_oldest_wait_seconds", "How long the oldest waiting job has waited.");
  out.sample(static_cast<double>(now.oldest_wait_ms) / 1e3);
  out.gauge("docket_jobs_running", "Jobs that run on an agent.");
  out.sample(now.running);
}

void tell_jobs(Exposition& out, const Counters& counts) {
  out.counter("docket_jobs_submitted_total", "Jobs accepted, by language.");
  for (const auto& of : counts.languages) out.sample(of.submitted, {{"language", of.language}});
  out.counter("docket_jobs_refused_total", "Runs that were not accepted, by reason.");
  for (std::size_t i = 0; i < kRefusalReasons; ++i) {
    out.sample(counts.refused[i], {{"reason", refusal_reason_name(static_cast<RefusalReason>(i))}});
  }
  out.counter("docket_jobs_ended_total", "Jobs that ended, by their last state.");
  for (const JobState state :
       {JobState::done, JobState::failed, JobState::expired, JobState::cancelled}) {
    out.sample(counts.jobs_ended[static_cast<std::size_t>(state)], {{"state", state_name(state)}});
  }
  const auto each = [&](auto histograms) {
    for (const LanguageCounts& of : counts.languages) {
      for (std::size_t end = 0; end < kJobEnds; ++end) {
        const auto& seen = (of.*histograms)[end];
        if (seen.total() == 0) continue;
        out.sample(
            seen, {{"language", of.language}, {"outcome", job_end_name(static_cast<JobEnd>(end))}});
      }
    }
  };
  out.histogram("docket_job_wait_seconds",
                "From a job's arrival to its first attempt, or to its end without one.");
  each(&LanguageCounts::waits);
  out.histogram("docket_job_run_seconds",
                "The sandbox's time for the attempt that gave a job's answer.");
  each(&LanguageCounts::runs);
}

void tell_attempts(Exposition& out, const Snapshot& now) {
  out.counter("docket_attempts_total", "Attempts that ended, by ending.");
  const auto& ended = now.counters.attempts_ended;
  for (std::size_t i = 1; i < ended.size(); ++i) {
    const std::string_view name = ending_name(static_cast<Ending>(i));
    if (name != "unknown") out.sample(ended[i], {{"ending", name}});
  }
  out.counter("docket_host_faults_total", "Attempts that ended by the fault of their host.");
  out.sample(now.counters.host_faults);
  out.counter("docket_late_results_total", "Results that came when they no longer counted.");
  out.sample(now.late_results);
}

void tell_agents(Exposition& out, const Snapshot& now) {
  std::map<AgentState, std::size_t> by_state;
  std::size_t taking = 0;
  for (const AgentView& agent : now.agents) {
    ++by_state[agent.state];
    taking += agent.takes_runs() ? 1 : 0;
  }
  out.gauge("docket_agents", "Agents that the master knows, by state.");
  for (int i = 0; i <= static_cast<int>(kLastAgentState); ++i) {
    const auto state = static_cast<AgentState>(i);
    out.sample(by_state[state], {{"state", agent_state_name(state)}});
  }
  out.gauge("docket_agents_taking_work", "Agents that take runs now.");
  out.sample(taking);
  out.gauge("docket_slots", "Slots of the agents that take runs now.");
  out.sample(now.slots);
  out.gauge("docket_slots_busy", "Those of them that are taken.");
  out.sample(now.busy);
}

template <class Value>
void each_agent(Exposition& out, const Snapshot& now, Value value) {
  for (const AgentView& agent : now.agents) out.sample(value(agent), {{"agent", agent.name}});
}

template <class Value>
void each_host(Exposition& out, const Snapshot& now, Value value) {
  for (const AgentView& agent : now.agents) {
    if (agent.host) out.sample(value(*agent.host), {{"agent", agent.name}});
  }
}

void tell_each_agent(Exposition& out, const Snapshot& now) {
  out.gauge("docket_agent_taking_work", "1 while the agent takes runs.");
  each_agent(out, now, [](const AgentView& agent) { return agent.takes_runs() ? 1 : 0; });
  out.gauge("docket_agent_degraded", "1 while a sick host works on as the last of a language.");
  each_agent(out, now, [](const AgentView& agent) { return agent.degraded.empty() ? 0 : 1; });
  out.gauge("docket_agent_slots", "The agent's slots.");
  each_agent(out, now, [](const AgentView& agent) { return agent.slots; });
  out.gauge("docket_agent_slots_busy", "Slots of the agent that are taken.");
  each_agent(out, now, [](const AgentView& agent) { return agent.running; });
  out.counter("docket_agent_answers_total", "Attempts that ended on the agent with an answer.");
  each_agent(out, now, [](const AgentView& agent) { return agent.finished; });
  out.counter("docket_agent_host_faults_total", "Attempts that ended by the agent's host's fault.");
  each_agent(out, now, [](const AgentView& agent) { return agent.host_faults; });
  out.gauge("docket_agent_load_ratio", "Tasks that run or want to, for each core of the host.");
  each_host(out, now, [](const HostReport& host) { return host.load_percent / 100.0; });
  out.gauge("docket_agent_free_memory_bytes", "Memory that the host has free.");
  each_host(out, now, [](const HostReport& host) { return host.free_memory_mb << 20; });
  out.gauge("docket_agent_free_disk_bytes", "Disk that the host has free for its sandbox.");
  each_host(out, now, [](const HostReport& host) { return host.free_disk_mb << 20; });
}

void tell_store(Exposition& out, const StoreFigures& store) {
  out.histogram("docket_journal_commit_seconds", "Time of a commit to the database.");
  out.sample(store.journal.commit_seconds);
  out.histogram("docket_journal_commit_rows", "Rows that a commit wrote.");
  out.sample(store.journal.commit_rows);
  out.counter("docket_journal_failed_commits_total", "Commits that failed and were tried again.");
  out.sample(store.journal.failed_commits);
  out.gauge("docket_database_bytes", "The database's size in use; looked at every ten seconds.");
  out.sample(store.journal.database_bytes);
  out.gauge("docket_database_max_bytes", "The size beyond which the oldest finished jobs go.");
  out.sample(store.max_database_bytes);
  out.counter("docket_jobs_deleted_total", "Finished jobs that went for their age or for size.");
  out.sample(store.journal.deleted_jobs);
  out.gauge("docket_files", "Support files kept.");
  out.sample(store.files.files);
  out.gauge("docket_files_bytes", "Their size, in whole blocks.");
  out.sample(store.files.bytes);
  out.gauge("docket_files_held_bytes", "Of these, what unfinished jobs need.");
  out.sample(store.files.held_bytes);
  out.gauge("docket_files_max_bytes", "The size beyond which unused files go.");
  out.sample(store.files.max_bytes);
}

void tell_http(Exposition& out, const std::vector<ListenerFigures>& listeners) {
  const auto each_route = [&](auto tell) {
    for (const auto& listener : listeners) {
      for (const auto& seen : listener.routes) {
        const bool none = seen.route.path.empty();
        tell(listener.name, none ? "other" : seen.route.method, none ? "other" : seen.route.path,
             seen);
      }
    }
  };
  out.gauge("docket_http_connections", "Connections that clients have open.");
  for (const auto& listener : listeners) {
    out.sample(listener.connections, {{"listener", listener.name}});
  }
  out.counter("docket_http_requests_total",
              "Requests answered, by route and status; 499: the client had left.");
  each_route([&](const auto& listener, const auto& method, const auto& route, const auto& seen) {
    for (const auto& [status, count] : seen.statuses) {
      out.sample(count, {{"listener", listener},
                         {"method", method},
                         {"route", route},
                         {"status", std::to_string(status)}});
    }
  });
  out.histogram("docket_http_request_seconds",
                "From a request's last byte to its answer; synchronous runs take their time.");
  each_route([&](const auto& listener, const auto& method, const auto& route, const auto& seen) {
    if (seen.seconds.total() == 0) return;
    out.sample(seen.seconds, {{"listener", listener}, {"method", method}, {"route", route}});
  });
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const Build& build, const StoreFigures& store,
                         const std::vector<ListenerFigures>& listeners,
                         const ProcessFigures& process) {
  Exposition out;
  tell_build(out, build, process);
  tell_queue(out, snapshot);
  tell_jobs(out, snapshot.counters);
  tell_attempts(out, snapshot);
  tell_agents(out, snapshot);
  tell_each_agent(out, snapshot);
  tell_store(out, store);
  tell_http(out, listeners);
  return out.take();
}

MetricsPage::MetricsPage(const Published<Snapshot>& published, Build build,
                         std::function<StoreFigures()> store, std::vector<Listener> listeners)
    : published_(published),
      build_(std::move(build)),
      store_(std::move(store)),
      listeners_(std::move(listeners)) {}

std::string MetricsPage::text() const {
  std::vector<ListenerFigures> figures;
  for (const Listener& listener : listeners_) {
    figures.push_back({listener.name, listener.traffic->connections(), listener.traffic->read()});
  }
  return metrics_text(*published_.get(), build_, store_(), figures, process_figures());
}

}  // namespace docket::http
