#include "tests/sim/front.h"

#include <array>
#include <utility>

namespace docket::sim {
namespace {

// A request without an id and without a name is nobody's when its client is gone.
bool dies_with_its_client(const Asked& asked) {
  return asked.kind == Asked::Kind::run && asked.name.empty();
}

template <class T>
void address(Event& event, ReplyTo to) {
  if (auto* one = std::get_if<T>(&event)) one->reply_to = to;
}

}  // namespace

Front::Front(World& world, MasterHost& master, Disk& disk, JobAudit& jobs, ClientAudit& clients)
    : world_(world), master_(master), disk_(disk), jobs_(jobs), clients_(clients) {
  master_.on_answer = [this](const Answer& told) { answer(told); };
  master_.on_done = [this](const CommandDone& done) {
    auto node = orders_.extract(done.to);
    if (!node.empty()) node.mapped().done(done);
  };
}

JobId Front::fresh_id() {
  std::array<std::uint8_t, 10> random{};
  for (auto& byte : random) byte = static_cast<std::uint8_t>(world_.dice.below(256));
  return make_job_id(master_.clock().wall, random);
}

ReplyTo Front::submit(Submit run, const Asked& asked, Told told, Broken broken) {
  if (!listens()) return 0;
  run.reply_to = ++last_;
  jobs_.submitted(run.id);
  open_[last_] = {asked, std::move(told), std::move(broken)};
  watch_the_clock(last_, asked.patience);
  master_.post(std::move(run));
  return last_;
}

ReplyTo Front::ask(Event event, const Asked& asked, Told told, Broken broken) {
  if (!listens()) return 0;
  address<Watch>(event, ++last_);
  address<Remove>(event, last_);
  if (asked.kind == Asked::Kind::remove) jobs_.unwanted(asked.job);
  open_[last_] = {asked, std::move(told), std::move(broken)};
  watch_the_clock(last_, asked.patience);
  master_.post(std::move(event));
  return last_;
}

ReplyTo Front::order(Event event, Done done, Broken broken) {
  if (!listens()) return 0;
  address<HoldAgent>(event, ++last_);
  address<CancelRun>(event, last_);
  orders_[last_] = {std::move(done), std::move(broken)};
  master_.post(std::move(event));
  return last_;
}

void Front::watch_the_clock(ReplyTo to, const Patience& patience) {
  constexpr MonoMs kSlackMs = 5'000;
  if (!patience.takes_id() || master_.stalled() || disk_.failing()) return;
  const MonoMs wait = MonoMs{1'000} * patience.wait_s.value_or(0) + kSlackMs;
  world_.after(wait, [this, to, troubles = troubles_] {
    require(!open_.contains(to) || troubles != troubles_ || disk_.failing(),
            "answers: who waits N seconds is answered by then",
            "request " + std::to_string(to) + " still waits");
  });
}

void Front::answer(const Answer& answer) {
  require(answer.to != 0 && answer.to <= last_ && answered_.insert(answer.to).second,
          "answers: one a request", "request " + std::to_string(answer.to) + " gets another");
  auto node = open_.extract(answer.to);
  if (node.empty()) return;  // its client has left
  clients_.answered(node.mapped().asked, answer);
  node.mapped().told(answer);
}

void Front::leave(ReplyTo to) {
  auto node = open_.extract(to);
  if (node.empty()) return;
  if (dies_with_its_client(node.mapped().asked)) jobs_.unwanted(node.mapped().asked.job);
  master_.post(ClientGone{to});
}

const Job* Front::find(const JobId& id) {
  const Job* job = disk_.job(id);
  clients_.reads(id, job);
  return job;
}

void Front::master_died() {
  trouble();
  for (auto& [to, open] : std::exchange(open_, {})) {
    if (dies_with_its_client(open.asked)) jobs_.unwanted(open.asked.job);
    open.broken();
  }
  for (auto& [to, order] : std::exchange(orders_, {})) order.broken();
  clients_.check_acknowledged();
}

}  // namespace docket::sim
