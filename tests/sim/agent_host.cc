#include "tests/sim/agent_host.h"

#include <algorithm>
#include <set>

#include "agent/jobe/answer.h"
#include "protocol/codec.h"

namespace docket::sim {

AgentHost::AgentHost(World& world, const Plan& plan, HostIndex index, Network& network,
                     Sandbox& sandbox, AgentAudit& audit)
    : world_(world),
      index_(index),
      plan_(plan.hosts[index]),
      network_(network),
      sandbox_(sandbox),
      audit_(audit),
      booted_(world.dice.between(0, 1'000'000'000)) {}

void AgentHost::start() {
  if (up()) return;
  world_.trace(plan_.name, " starts");
  agent::CoreSettings settings;
  settings.name = plan_.name;
  settings.version = "1.0";
  settings.instance = world_.dice.below(1u << 30) + (++life_ << 32);
  settings.slots = plan_.slots;
  settings.weight_percent = plan_.weight_percent;
  settings.tags = plan_.tags;
  core_ = std::make_unique<agent::Core>(settings);
  effects_.clear(), events_.clear(), frames_.clear(), open_runs_.clear();
  drain_ms_.reset();
  stop_by_ = kNever;
  stopped_ = false;
  stalled_until_ = 0;
  wake_at_ = kNever;
  network_.dial(index_);

  std::set<AttemptId> kept;
  agent::Recovered recovered;
  for (const auto& [id, bytes] : spool_) {
    auto message = decode_to_master(bytes);
    require(message.ok(), "codec: what one side encodes the other decodes", "a spooled result");
    kept.insert(id);
    recovered.results.push_back(std::get<Finished>(std::move(*message)));
  }
  audit_.started(index_, kept);
  happens(std::move(recovered));
}

void AgentHost::crash(bool power_lost) {
  if (power_lost) booted_ = world_.dice.between(0, 1'000'000'000) - world_.now();
  if (!up()) return;
  world_.trace(plan_.name, power_lost ? " loses its power" : " crashes");
  ++life_;
  core_.reset();
  network_.hang_up(index_, power_lost);
  sandbox_.abandon_all();
}

void AgentHost::leave() {
  world_.trace(plan_.name, " stops");
  ++life_;
  core_.reset();
  network_.hang_up(index_);
  sandbox_.abandon_all();
  world_.after(world_.dice.between(500, 10'000), [this] { start(); });
}

void AgentHost::stall(MonoMs ms) {
  world_.trace(plan_.name, " stalls for ", ms, " ms");
  stalled_until_ = world_.now() + ms;
}

void AgentHost::resume() {
  stalled_until_ = 0;
  if (up()) wake(world_.now());
}

void AgentHost::terminate(MonoMs drain_ms) {
  if (!up()) return;
  world_.trace(plan_.name, " is told to stop");
  drain_ms_ = drain_ms;
  wake(world_.now());
}

void AgentHost::frame(std::string bytes, MonoMs master_ahead) {
  if (!up()) return;
  frames_.emplace_back(std::move(bytes), master_ahead);
  wake(world_.now());
}

void AgentHost::happens(agent::Event event) {
  events_.push_back(std::move(event));
  wake(world_.now());
}

// What a process has asked for does not reach the one after it.
template <class Do>
void AgentHost::later(MonoMs ms, Do what) {
  world_.after(ms, [this, life = life_, what = std::move(what)]() mutable {
    if (life == life_) what();
  });
}

void AgentHost::wake(MonoMs when) {
  when = std::max({when, stalled_until_, world_.now()});
  if (when >= wake_at_) return;
  wake_at_ = when;
  world_.at(when, [this, life = life_, when] {
    if (life != life_ || wake_at_ != when) return;
    wake_at_ = kNever;
    turn();
  });
}

void AgentHost::turn() {
  if (world_.now() < stalled_until_) return wake(stalled_until_);
  const Now now{world_.now() + booted_, world_.now() + booted_ / 7};
  if (drain_ms_) {
    stop_by_ = now.mono + *drain_ms_;
    drain_ms_.reset();
    core_->step(agent::Drain{}, now, effects_);
  }
  for (agent::Event& event : std::exchange(events_, {})) {
    core_->step(std::move(event), now, effects_);
  }
  take_frames(now);
  core_->tick(now, effects_);
  perform();
  if (!stopped_ && now.mono >= stop_by_) {
    core_->give_up(effects_);
    perform();
    stopped_ = true;
  }
  if (stopped_) return leave();
  audit_.ends_turn(index_);
  const MonoMs next = std::min(core_->next_deadline(), stop_by_);
  require(next > now.mono, "rest: a loop with nothing to do waits", plan_.name + " spins");
  if (next != kNever) wake(next - booted_);
}

void AgentHost::take_frames(Now now) {
  for (auto& [bytes, ahead] : std::exchange(frames_, {})) {
    auto message = decode_to_agent(bytes);
    require(message.ok(), "codec: what one side encodes the other decodes", plan_.name);
    audit_.hears(index_, *message, ahead);
    core_->step(agent::FromMaster{std::move(*message)}, now, effects_);
    perform();  // at once, so that the auditor sees what came of which message
  }
}

void AgentHost::perform() {
  for (agent::Effect& effect : effects_) {
    std::visit([this](auto& e) { on(e); }, effect);
  }
  effects_.clear();
}

void AgentHost::on(agent::SendToMaster& send) {
  audit_.says(index_, send.message);
  // A hello that came again after its connection was given up would tell an old truth as a new one;
  // nothing in the protocol guards against that, because TCP does.
  const bool once = std::holds_alternative<Hello>(send.message);
  network_.send_to_master(index_, encode(send.message), once);
}

void AgentHost::on(agent::Reconnect&) {
  audit_.hangs_up(index_);
  network_.hang_up(index_);
  network_.dial(index_);
}

void AgentHost::on(agent::PostRun& run) {
  audit_.posts(index_, run.id);
  const std::uint64_t request =
      sandbox_.post(run.id, run.body, [this, life = life_, id = run.id](Reply reply) {
        if (life != life_) return;
        open_runs_.erase(id);
        agent::RunAnswered answer;
        if (reply.kind == Reply::Kind::answered) {
          answer = agent::read_run_answer(id, reply.status, std::move(reply.body));
        } else {
          const bool refused = reply.kind == Reply::Kind::refused;
          answer.id = id;
          answer.ending = refused ? Ending::unreachable : Ending::cut;
          answer.detail = refused ? "connection refused" : "connection reset";
        }
        happens(std::move(answer));
      });
  open_runs_[run.id] = request;
  later(run.timeout_ms, [this, id = run.id, request] {
    const auto open = open_runs_.find(id);
    if (open == open_runs_.end() || open->second != request) return;
    open_runs_.erase(open);
    sandbox_.abandon(request);
    agent::RunAnswered answer;
    answer.id = id;
    answer.ending = Ending::timed_out;
    happens(std::move(answer));
  });
}

void AgentHost::on(agent::CheckFile& file) {
  later(2, [this, name = file.file] {
    const bool answered = sandbox_.probe().kind == Reply::Kind::answered;
    happens(agent::FileChecked{name, answered && sandbox_.has(name)});
  });
}

void AgentHost::on(agent::PutFile& file) {
  later(5, [this, name = file.file, content = std::move(file.content)] {
    const bool taken = sandbox_.put(name, content).kind == Reply::Kind::answered;
    happens(agent::FilePushed{name, taken ? "" : "connection refused"});
  });
}

void AgentHost::on(agent::Probe&) {
  later(2, [this] {
    agent::Probed probed;
    if (sandbox_.probe().kind == Reply::Kind::answered) {
      probed.languages = sandbox_.languages();
    } else {
      probed.problem = "connection refused";
    }
    happens(std::move(probed));
  });
}

void AgentHost::on(agent::SampleHost&) {
  const auto load = static_cast<std::uint32_t>(open_runs_.size() * 100 / plan_.slots);
  const std::uint64_t free_mb = short_ ? 50 : 4'096;
  later(0, [this, load, free_mb] {
    happens(agent::HostSampled{{plan_.slots, load, free_mb, 4'096}});
  });
}

void AgentHost::on(agent::Spool& keep) {
  spool_[keep.result.id] = encode(ToMaster(keep.result));
  audit_.spools(index_, keep.result.id);
}

void AgentHost::on(agent::Unspool& gone) {
  spool_.erase(gone.id);
  audit_.unspools(index_, gone.id);
}

void AgentHost::on(agent::Note& note) {
  world_.trace(plan_.name, ": ", note.text);
}

}  // namespace docket::sim
