#include "tests/sim/sandbox.h"

#include <algorithm>

#include "master/core/canary.h"
#include "tests/sim/shelf.h"

namespace docket::sim {
namespace {

constexpr MonoMs kCompileMs = 300;

std::string result(Outcome outcome, const std::string& cmpinfo, const std::string& out) {
  return R"({"run_id":"jobe","outcome":)" + std::to_string(static_cast<int>(outcome)) +
         R"(,"cmpinfo":")" + cmpinfo + R"(","stdout":")" + out + R"(","stderr":""})";
}

std::string mark(const Execution& execution) {
  return "execution " + std::to_string(execution.number) + " ";
}

}  // namespace

bool Sandbox::reachable() const {
  return world_.now() >= down_until_ && sickness_ != Sickness::refuses;
}

std::vector<Language> Sandbox::languages() const {
  std::vector<Language> languages;
  for (const auto& language : plan_.languages) languages.push_back({language, "1"});
  return languages;
}

Reply Sandbox::probe() const {
  if (!reachable()) return {Reply::Kind::refused, 0, {}};
  return {Reply::Kind::answered, 200, {}};
}

Reply Sandbox::put(const std::string& file, std::string content) {
  if (!reachable()) return {Reply::Kind::refused, 0, {}};
  require(is_whole(file, content), "files: a sandbox gets a whole file of one version",
          plan_.name + " got " + std::to_string(content.size()) + " bytes of " + file);
  files_[file] = std::move(content);
  return {Reply::Kind::answered, 204, {}};
}

std::uint64_t Sandbox::post(const AttemptId& attempt, const std::string& body, Done done) {
  const std::uint64_t request = ++last_request_;
  requests_[request].done = std::move(done);
  if (!reachable()) {
    finish(request, {Reply::Kind::refused, 0, {}}, 1);
    return request;
  }
  const Program* program = programs_.find(body);
  const bool lacks_files =
      program != nullptr && std::any_of(program->files.begin(), program->files.end(),
                                        [&](const auto& file) { return !files_.contains(file); });
  if (lacks_files) {
    finish(request, {Reply::Kind::answered, 404, "\"a file is missing\""}, 2);
    return request;
  }
  run(request, attempt, body);
  return request;
}

void Sandbox::run(std::uint64_t request, const AttemptId& attempt, const std::string& body) {
  const Program* program = programs_.find(body);
  const bool rejected = program != nullptr && program->behaviour == Behaviour::rejected;
  const bool refused_work = sickness_ == Sickness::http_500 || sickness_ == Sickness::overload;
  const bool runs = !rejected && !refused_work;
  Execution& execution = audit_.begins(host_, attempt, program, runs);
  // Mute, it is known by programs that print and have nothing to complain about.
  execution.muted =
      sickness_ == Sickness::mute && (program == nullptr || program->behaviour == Behaviour::ok);
  execution.host_fault =
      execution.muted || (!rejected && sickness_ != Sickness::none && sickness_ != Sickness::slow &&
                          sickness_ != Sickness::silent && sickness_ != Sickness::mute);
  requests_[request].execution = execution.number;
  const Reply reply = answer_of(execution, body);
  MonoMs takes = 5;
  if (runs) {
    const MonoMs limit = program == nullptr ? 1'000 : MonoMs{2'000} * program->cputime_s;
    takes = program == nullptr ? 200 : program->run_ms;
    if (sickness_ == Sickness::slow) takes = std::min(takes * 8, limit);
    takes += kCompileMs;
  }
  const bool silent = sickness_ == Sickness::silent;
  world_.trace(plan_.name, " sandbox begins execution ", execution.number, " of ",
               attempt.job.text(), " attempt ", attempt.attempt, " for ", takes, " ms");
  world_.after(takes,
               [this, request, reply, number = execution.number, runs, silent, power = power_] {
                 if (power != power_) return;
                 if (runs) audit_.ends(number);
                 if (!silent) finish(request, reply, 1);
               });
}

Reply Sandbox::answer_of(const Execution& execution, const std::string& body) const {
  using enum Reply::Kind;
  const std::string out = mark(execution);
  if (execution.host_fault) return sick_answer(execution);
  if (execution.program == nullptr) {
    const auto known = std::any_of(kLanguages.begin(), kLanguages.end(),
                                   [&](const auto& l) { return canary_body(l) == body; });
    require(known, "results: a sandbox gets what a client sent", "it got: " + body);
    return {answered, 200, result(Outcome::ok, "", "docket canary 42\\n")};
  }
  switch (execution.program->behaviour) {
    case Behaviour::ok:
      return {answered, 200, result(Outcome::ok, "", out)};
    case Behaviour::runtime_error:
      return {answered, 200, result(Outcome::runtime_error, "", out)};
    case Behaviour::compile_error:
      return {answered, 200, result(Outcome::compile_error, "no such thing " + out, "")};
    case Behaviour::time_limit:
      return {answered, 200, result(Outcome::time_limit, "", out)};
    case Behaviour::breaks_sandbox:
      return {
          answered, 200,
          result(Outcome::compile_error,
                 "runguard: cannot run program " + std::to_string(execution.program->number), out)};
    case Behaviour::rejected:
      return {answered, 400, "\"bad request, " + out + "\""};
  }
  return {};
}

Reply Sandbox::sick_answer(const Execution& execution) const {
  using enum Reply::Kind;
  const std::string out = mark(execution);
  switch (sickness_) {
    case Sickness::half_answer:
      return {answered, 200, R"({"run_id":"jobe","outco)"};
    case Sickness::guard_fault:
      return {answered, 200,
              result(Outcome::compile_error, "runguard: " + plan_.name + " is out of order", out)};
    case Sickness::internal_error:
      return {answered, 200, result(Outcome::internal_error, "", out)};
    case Sickness::overload:
      return {answered, 200, result(Outcome::overload, "", out)};
    case Sickness::mute:
      return {answered, 200, result(Outcome::ok, "", "")};
    case Sickness::none:
    case Sickness::http_500:
    case Sickness::silent:
    case Sickness::slow:
    case Sickness::refuses:
      break;
  }
  return {answered, 500, "\"Server exception, " + out + "\""};
}

void Sandbox::finish(std::uint64_t request, Reply reply, MonoMs in_ms) {
  world_.after(in_ms, [this, request, moved = std::move(reply)]() mutable {
    auto node = requests_.extract(request);
    if (!node.empty()) node.mapped().done(std::move(moved));
  });
}

void Sandbox::abandon(std::uint64_t request) {
  const auto node = requests_.extract(request);
  if (node.empty() || node.mapped().execution == 0) return;
  world_.trace(plan_.name, " sandbox: execution ", node.mapped().execution, " is abandoned");
  audit_.orphaned(node.mapped().execution);
}

void Sandbox::abandon_all() {
  while (!requests_.empty()) abandon(requests_.begin()->first);
}

void Sandbox::restart(MonoMs down_ms) {
  world_.trace(plan_.name, " sandbox cuts its connections, down for ", down_ms, " ms");
  down_until_ = world_.now() + down_ms;
  for (auto& [request, open] : std::exchange(requests_, {})) {
    if (open.execution != 0) audit_.orphaned(open.execution);
    world_.after(1, [done = std::move(open.done)] { done({Reply::Kind::cut, 0, {}}); });
  }
}

void Sandbox::lose_power() {
  audit_.lost_power(host_);
  ++power_;
  requests_.clear();
}

}  // namespace docket::sim
