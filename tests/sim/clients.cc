#include "tests/sim/clients.h"

namespace docket::sim {

Clients::Clients(World& world, const Plan& plan, Programs& programs, Front& front,
                 const Shelf& shelf)
    : world_(world), plan_(plan), programs_(programs), front_(front), shelf_(shelf) {}

void Clients::begin() {
  for (std::uint64_t i = 0; i < plan_.flood; ++i) {
    plan_errand(plan_.keys.front().name, 5'000 + static_cast<MonoMs>(i), true);
  }
  for (std::uint64_t i = 0; i < plan_.jobs; ++i) {
    const bool others = plan_.flood > 0;
    std::string key;
    if (!plan_.keys.empty()) {
      key = plan_
                .keys[others ? 1 + world_.dice.below(plan_.keys.size() - 1)
                             : world_.dice.below(plan_.keys.size())]
                .name;
    }
    plan_errand(key, world_.dice.between(3'000, plan_.arrivals_ms), !plan_.snapshots);
  }
}

void Clients::plan_errand(const std::string& key, MonoMs at, bool plain) {
  Errand& errand = errands_.emplace_back();
  Dice& dice = world_.dice;
  errand.program = &some_program(key);
  errand.key = key;
  errand.patience.respond_async = plain || dice.chance(35);
  if (!plain) {
    if (dice.chance(25)) errand.patience.wait_s = static_cast<std::uint32_t>(dice.between(0, 20));
    if (dice.chance(40)) errand.name = "name-" + std::to_string(errands_.size());
    errand.tries_again = dice.chance(80);
    errand.leaves = plan_.leaving_clients && dice.chance(20);
    errand.deletes = plan_.leaving_clients && dice.chance(10);
    errand.doubles = !errand.name.empty() && dice.chance(30);
  }
  world_.at(at, [this, &errand] { send(errand); });
}

const Program& Clients::some_program(const std::string& key) {
  Dice& dice = world_.dice;
  Program program;
  for (const ApiKey& known : plan_.keys) {
    if (known.name == key) program.tags = known.tags;
  }
  if (!common_.empty() && !plan_.even_runs && dice.chance(15)) {
    const Program* common = dice.one_of(common_);
    if (common->tags == program.tags) return *common;
  }
  program.language = dice.one_of(kLanguages);
  program.cputime_s = static_cast<std::uint32_t>(dice.between(2, 6));
  program.run_ms = plan_.even_runs ? dice.between(800, 1'200) : dice.between(20, 3'500);
  if (!plan_.even_runs && plan_.snapshots) {
    const auto kind = dice.below(100);
    if (kind < 8) program.behaviour = Behaviour::runtime_error;
    if (kind >= 8 && kind < 16) program.behaviour = Behaviour::compile_error;
    if (kind >= 16 && kind < 20) program.behaviour = Behaviour::rejected;
    if (kind >= 20 && kind < 25) {
      program.behaviour = Behaviour::time_limit;
      program.run_ms = 2'000 * program.cputime_s;
    }
    if (plan_.breaking_programs && kind >= 25 && kind < 30) {
      program.behaviour = Behaviour::breaks_sandbox;
    }
    for (const auto& [file, version] : shelf_) {
      if (dice.chance(8)) program.files.push_back(file);
    }
  }
  const Program& added = programs_.add(std::move(program));
  if (common_.size() < 6) common_.push_back(&added);
  return added;
}

void Clients::send(Errand& errand) {
  if (errand.over) return;
  Submit run;
  run.id = errand.job = front_.fresh_id();
  run.patience = errand.patience;
  run.key = errand.key;
  run.idempotency_key = errand.name;
  if (!errand.name.empty()) run.fingerprint = *errand.program->body;
  run.language = errand.program->language;
  run.cputime_s = errand.program->cputime_s;
  run.files = errand.program->files;
  run.run_spec = errand.program->body;
  const Asked asked{Asked::Kind::run, run.id,     errand.program,
                    errand.patience,  errand.key, errand.name};
  errand.open = front_.submit(
      std::move(run), asked, [this, &errand](const Answer& answer) { on_answer(errand, answer); },
      [this, &errand] { try_again(errand); });
  if (errand.open == 0) return try_again(errand);
  if (errand.doubles) {
    errand.doubles = false;
    world_.after(world_.dice.between(0, 3'000), [this, &errand] { send_again_too(errand); });
  }
  if (!errand.leaves || healed_) return;
  errand.leaves = false;
  world_.after(world_.dice.between(50, 15'000), [this, &errand, open = errand.open] {
    if (errand.over || errand.open != open || healed_) return;
    front_.leave(open);
    // Half of them come back and ask again.
    if (world_.dice.chance(50)) return end(errand, false);
    world_.after(world_.dice.between(10, 10'000), [this, &errand] { send(errand); });
  });
}

// The same request once more, beside the first: nobody looks at what it is told but the auditor.
void Clients::send_again_too(Errand& errand) {
  Submit run;
  run.id = front_.fresh_id();
  run.key = errand.key;
  run.idempotency_key = errand.name;
  run.fingerprint = *errand.program->body;
  run.patience.respond_async = true;
  run.language = errand.program->language;
  run.cputime_s = errand.program->cputime_s;
  run.files = errand.program->files;
  run.run_spec = errand.program->body;
  const Asked asked{Asked::Kind::run, run.id,     errand.program,
                    run.patience,     errand.key, errand.name};
  front_.submit(
      std::move(run), asked, [](const Answer&) {}, [] {});
}

void Clients::try_again(Errand& errand) {
  errand.open = 0;
  if (!errand.tries_again && !healed_) return end(errand, false);
  world_.after(world_.dice.between(500, 5'000), [this, &errand] { send(errand); });
}

void Clients::on_answer(Errand& errand, const Answer& answer) {
  errand.open = 0;
  errand.job = answer.job;
  switch (answer.kind) {
    case Answer::Kind::accepted:
      told_.push_back(answer.job);
      if (errand.deletes && !healed_) {
        world_.after(world_.dice.between(0, 8'000), [this, &errand] { remove(errand); });
        return;
      }
      world_.after(world_.dice.between(10, 5'000), [this, &errand] { poll(errand); });
      return;
    case Answer::Kind::result:
      return end(errand, true);
    case Answer::Kind::stored:
    case Answer::Kind::pending:
      return poll(errand);
    case Answer::Kind::removed:
      return end(errand, false);
    case Answer::Kind::overloaded:
    case Answer::Kind::unavailable:
      return try_again(errand);
    case Answer::Kind::lacks_files:
    case Answer::Kind::misused:
      return;  // the auditor has ended the run
  }
}

void Clients::poll(Errand& errand) {
  if (errand.over) return;
  const auto again = [this, &errand] {
    world_.after(world_.dice.between(200, 4'000), [this, &errand] { poll(errand); });
  };
  if (!front_.listens()) return again();
  const Job* job = front_.find(errand.job);
  if (job == nullptr) return end(errand, false);  // somebody had it deleted
  if (is_final(job->state)) return end(errand, true);
  if (!world_.dice.chance(30)) return again();
  const Patience patience{.wait_s = static_cast<std::uint32_t>(world_.dice.between(1, 10))};
  const Asked asked{Asked::Kind::watch, errand.job, errand.program, patience, errand.key, {}};
  const ReplyTo open = front_.ask(
      Watch{0, errand.job, patience}, asked,
      [this, &errand](const Answer& answer) { on_answer(errand, answer); },
      [this, &errand] { poll(errand); });
  if (open == 0) again();
}

void Clients::remove(Errand& errand) {
  if (errand.over) return;
  const Job* job = front_.listens() ? front_.find(errand.job) : nullptr;
  if (job == nullptr) return poll(errand);
  const Asked asked{Asked::Kind::remove, errand.job, errand.program, {}, errand.key, {}};
  front_.ask(
      Remove{0, errand.job, job->key, job->idempotency_key}, asked,
      [this, &errand](const Answer&) { end(errand, false); }, [this, &errand] { poll(errand); });
}

void Clients::end(Errand& errand, bool served) {
  if (std::exchange(errand.over, true)) return;
  ++over_;
  served_ += served;
}

}  // namespace docket::sim
