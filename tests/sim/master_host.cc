#include "tests/sim/master_host.h"

#include <algorithm>

#include "protocol/base/overloaded.h"
#include "protocol/codec.h"

namespace docket::sim {
namespace {

constexpr std::size_t kMostMessagesPerTurn = 256;

}  // namespace

MasterHost::MasterHost(World& world, const Plan& plan, Network& network, Disk& disk,
                       const Shelf& shelf, JobAudit& jobs, HostAudit& hosts, FairAudit& fairness)
    : world_(world),
      plan_(plan),
      network_(network),
      disk_(disk),
      shelf_(shelf),
      jobs_(jobs),
      hosts_(hosts),
      fairness_(fairness),
      ahead_(world.dice.between(0, 1'000'000'000)) {}

void MasterHost::start() {
  if (up()) return;
  world_.trace("master starts");
  ++life_;
  core_ = std::make_unique<Core>(plan_.core, "1.0");
  effects_.clear(), gone_.clear(), inbox_.clear(), frames_.clear(), held_.clear();
  batch_ = committed_ = 0;
  problem_.clear();
  stalled_until_ = 0;
  wake_at_ = kNever;
  jobs_.master_started();
  hosts_.master_started();
  fairness_.master_started();
  Restored restored = disk_.restored();
  for (const Job& job : restored.jobs) fairness_.waits(job.id, job.key, job.language, true);
  step(std::move(restored), clock());
  perform();
  network_.listen(ahead_);
  wake(world_.now());
}

void MasterHost::crash(bool reboot) {
  if (!up()) return;
  world_.trace("master crashes");
  ++life_;
  core_.reset();
  network_.stop_listening();
  disk_.crash();
  on_crash();
  if (reboot) ahead_ = world_.dice.between(0, 1'000'000'000) - world_.now();
}

void MasterHost::stall(MonoMs ms) {
  world_.trace("master stalls for ", ms, " ms");
  stalled_until_ = world_.now() + ms;
}

void MasterHost::resume() {
  stalled_until_ = 0;
  if (up()) wake(world_.now());
}

void MasterHost::post(Event event) {
  inbox_.emplace_back(std::move(event));
  wake(world_.now());
}

void MasterHost::frame(LinkId link, std::string bytes) {
  if (!up()) return;
  frames_.emplace_back(link, std::move(bytes));
  wake(world_.now());
}

void MasterHost::journal(std::uint64_t committed, const std::string& problem) {
  inbox_.emplace_back(Progress{committed, problem});
  wake(world_.now());
}

void MasterHost::wake(MonoMs when) {
  when = std::max({when, stalled_until_, world_.now()});
  if (when >= wake_at_) return;
  wake_at_ = when;
  world_.at(when, [this, life = life_, when] {
    if (life != life_ || wake_at_ != when) return;
    wake_at_ = kNever;
    turn();
  });
}

void MasterHost::turn() {
  if (stalled()) return wake(stalled_until_);
  const Now now = clock();
  for (const LinkId link : std::exchange(gone_, {})) step(LinkGone{link}, now);
  take_inbox(now);
  take_frames(now);
  const std::size_t before = effects_.size();
  core_->tick(now, effects_);
  audit(before, now);
  perform();
  if (!gone_.empty() || !frames_.empty()) return wake(world_.now());
  const MonoMs next = core_->next_deadline();
  require(next > now.mono, "rest: a loop with nothing to do waits", "the master spins");
  if (next != kNever) wake(next - ahead_);
}

void MasterHost::take_inbox(Now now) {
  for (auto& item : std::exchange(inbox_, {})) {
    std::visit(Overloaded{
                   [&](Event& event) { step(std::move(event), now); },
                   [&](Progress& progress) {
                     committed_ = std::max(committed_, progress.committed);
                     if (progress.problem != problem_) {
                       problem_ = progress.problem;
                       step(StoreProblem{problem_}, now);
                     }
                     release();
                   },
               },
               item);
  }
}

void MasterHost::take_frames(Now now) {
  for (std::size_t i = 0; i < kMostMessagesPerTurn && !frames_.empty(); ++i) {
    auto [link, bytes] = std::move(frames_.front());
    frames_.pop_front();
    auto message = decode_to_master(bytes);
    require(message.ok(), "codec: what one side encodes the other decodes", "the master");
    const HostIndex host = network_.agent_of(link);
    jobs_.hears(host, link, *message);
    hosts_.hears(host, link, *message);
    step(FromAgent{link, std::move(*message)}, now);
  }
}

void MasterHost::step(Event event, Now now) {
  const std::size_t before = effects_.size();
  core_->step(std::move(event), now, effects_);
  audit(before, now);
}

void MasterHost::audit(std::size_t from, Now now) {
  bool may_have_changed = false;
  for (std::size_t i = from; i < effects_.size(); ++i) {
    if (const auto* save = std::get_if<SaveJob>(&effects_[i])) {
      const Job& job = save->job;
      jobs_.saves(job);
      if (job.state == JobState::queued && job.attempts.empty()) {
        fairness_.waits(job.id, job.key, job.language);
      } else if (is_final(job.state)) {
        fairness_.left(job.id);
      }
    } else if (const auto* note = std::get_if<Note>(&effects_[i])) {
      world_.trace("master: ", note->text);
      may_have_changed = true;
    } else if (const auto* order = std::get_if<Send>(&effects_[i])) {
      if (!std::holds_alternative<Welcome>(order->message)) continue;
      jobs_.welcomes(network_.agent_of(order->link), order->link);
      hosts_.welcomes(network_.agent_of(order->link), order->link);
      may_have_changed = true;
    }
  }
  if (plan_.snapshots && may_have_changed) {
    const Snapshot snapshot = core_->snapshot(now);
    hosts_.shows(snapshot);
    jobs_.shows(snapshot);
  }
  for (std::size_t i = from; i < effects_.size(); ++i) {
    if (const auto* order = std::get_if<Send>(&effects_[i])) audit_send(*order);
  }
}

void MasterHost::audit_send(const Send& order) {
  const auto* assign = std::get_if<Assign>(&order.message);
  if (assign == nullptr) return;
  const HostIndex host = network_.agent_of(order.link);
  world_.trace("master assigns ", assign->id.job.text(), " attempt ", assign->id.attempt, " to ",
               plan_.hosts[host].name);
  hosts_.assigns(host, *assign);
  jobs_.assigns(host, order.link, *assign);
  fairness_.assigns(assign->id.job);
}

void MasterHost::perform() {
  std::vector<Effect> saves;
  for (const Effect& effect : effects_) {
    const bool save = std::visit(
        Overloaded{
            [](const SaveJob&) { return true; },         [](const DeleteJob&) { return true; },
            [](const SaveAgent&) { return true; },       [](const SaveKey&) { return true; },
            [](const DeleteKey&) { return true; },       [](const SaveAgentKey&) { return true; },
            [](const DeleteAgent&) { return true; },     [](const SaveJoinToken&) { return true; },
            [](const DeleteJoinToken&) { return true; }, [](const AdmitKeys&) { return false; },
            [](const SaveAccess&) { return true; },      [](const DeleteAccess&) { return true; },
            [](const SaveAudit&) { return true; },       [](const SavePurge&) { return true; },
            [](const Send&) { return false; },           [](const SendChunk&) { return false; },
            [](const Answer&) { return false; },         [](const CommandDone&) { return false; },
            [](const Explained&) { return false; },      [](const Note&) { return false; },
        },
        effect);
    if (save) saves.push_back(effect);
  }
  if (!saves.empty()) disk_.post(++batch_, std::move(saves));
  for (Effect& effect : effects_) {
    if (auto* order = std::get_if<Send>(&effect)) {
      if (order->after_commit && committed_ < batch_) {
        held_.push_back({batch_, std::move(*order)});
      } else {
        send(*order);
      }
    } else if (auto* chunk = std::get_if<SendChunk>(&effect)) {
      send_chunk(*chunk);
    } else if (auto* answer = std::get_if<Answer>(&effect)) {
      const bool after_commit = waits_for_commit(answer->kind);
      reply(std::move(*answer), after_commit);
    } else if (auto* done = std::get_if<CommandDone>(&effect)) {
      const bool after_commit = !done->error.has_value();
      reply(std::move(*done), after_commit);
    }
  }
  effects_.clear();
}

void MasterHost::reply(Reply reply, bool after_commit) {
  if (after_commit && committed_ < batch_) {
    held_.push_back({batch_, std::move(reply)});
  } else {
    tell(reply);
  }
}

void MasterHost::tell(Reply& reply) {
  std::visit(Overloaded{
                 [this](const Answer& answer) { on_answer(answer); },
                 [this](const CommandDone& done) { on_done(done); },
             },
             reply);
}

void MasterHost::release() {
  while (!held_.empty() && held_.front().batch <= committed_) {
    Held held = std::move(held_.front());
    held_.pop_front();
    std::visit(Overloaded{
                   [this](Reply& answer) { tell(answer); },
                   [this](const Send& order) { send(order); },
               },
               held.what);
  }
}

void MasterHost::send(const Send& order) {
  if (const auto* taken = std::get_if<Taken>(&order.message)) {
    jobs_.takes(network_.agent_of(order.link), taken->id);
  }
  // An assignment that came again after its result was taken would be run again; as with a hello,
  // nothing but TCP guards against that.
  const bool once = std::holds_alternative<Assign>(order.message);
  if (!network_.send_to_agent(order.link, encode(order.message), once)) {
    gone_.push_back(order.link);
  }
}

void MasterHost::send_chunk(const SendChunk& order) {
  const auto file = shelf_.find(order.file);
  if (file == shelf_.end()) return send({order.link, FileAbsent{order.id, order.file}});
  const std::string content = file_content(order.file, file->second);
  FileChunk chunk{order.id, order.file, content.size(), order.offset, {}, file->second};
  if (order.offset < content.size()) chunk.data = content.substr(order.offset, kMaxChunkBytes);
  send({order.link, std::move(chunk)});
}

}  // namespace docket::sim
