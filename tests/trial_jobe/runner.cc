#include "tests/trial_jobe/runner.h"

#include <algorithm>
#include <cmath>

#include "tests/trial_jobe/guard.h"

namespace docket::trial_jobe {
namespace {

constexpr int kCompileError = 11;
constexpr int kRuntimeError = 12;
constexpr int kTimeLimit = 13;
constexpr int kOk = 15;

constexpr double kDefaultCpuSeconds = 5;
constexpr double kCompileCpuSeconds = 10;
constexpr int kCompileMemoryMb = 1'000;  // g++ with a heavy header needs some 300
constexpr int kCompileDiskMb = 100;
constexpr int kMaxMemoryMb = 1'000'000;  // above: as good as none
constexpr int kMaxDiskMb = 1'000;
constexpr int kMaxProcesses = 1'000;
constexpr double kDefaultStreamMb = 2;
constexpr double kMaxStreamMb = 64;
constexpr double kStreamMb = 1'000 * 1'024;  // Jobe counts a thousand blocks of 1024 bytes

constexpr const char* kMissingFile = "One or more of the specified files is missing/unavailable";

// `given` as a whole number from 1 to `most`; 0 and less mean "no limit" in Jobe, here `unlimited`.
int whole(const std::optional<Number>& given, int otherwise, int most, int unlimited) {
  if (!given) return otherwise;
  if (given->value <= 0) return unlimited;
  return static_cast<int>(std::clamp(std::ceil(given->value), 1.0, static_cast<double>(most)));
}

Limits run_limits(const Parameters& given, const LanguageRules& language) {
  Limits limits;
  // Beyond 64 bits PHP counts modulo 2^64, so that 1e300 passes for less than the most.
  limits.cpu_s =
      given.cpu_s ? std::min<double>(given.cpu_s->value, kMaxCpuSeconds) : kDefaultCpuSeconds;
  limits.memory_mb = whole(given.memory_mb, language.memory_mb, kMaxMemoryMb, 0);
  limits.disk_mb = whole(given.disk_mb, limits.disk_mb, kMaxDiskMb, kMaxDiskMb);
  limits.processes = whole(given.processes, language.processes, kMaxProcesses, 0);
  const double stream_mb = given.stream_mb ? given.stream_mb->value : kDefaultStreamMb;
  limits.stream_bytes =
      static_cast<std::size_t>(std::clamp(stream_mb, 0.0, kMaxStreamMb) * kStreamMb);
  return limits;
}

// A compiler gets at least what compilers need, and more when the client gives its program more.
Limits compile_limits(const Limits& run, const LanguageRules& language) {
  Limits limits = run;
  limits.cpu_s = std::max(run.cpu_s, kCompileCpuSeconds);
  limits.memory_mb = language.memory_mb == 0 ? 0 : kCompileMemoryMb;
  limits.disk_mb = std::max(run.disk_mb, kCompileDiskMb);
  limits.processes = run.processes == 0 ? 0 : std::max(run.processes, language.processes);
  limits.stream_bytes = static_cast<std::size_t>(kDefaultStreamMb * kStreamMb);
  return limits;
}

CommandWords words_of(const RunSpec& spec, const LanguageRules& language) {
  const Parameters& given = spec.parameters;
  CommandWords words;
  words.source = source_name(language, spec.source_name, spec.source);
  words.interpreter_args = given.interpreter_args.value_or(language.interpreter_args);
  words.compile_args = given.compile_args.value_or(language.compile_args);
  words.link_args = given.link_args.value_or(language.link_args);
  words.run_args = given.run_args.value_or(words.run_args);
  return words;
}

// What a failed compile step tells the client, empty when it succeeded. A warning alone fails it,
// as in Jobe.
std::string complaint(const Finished& compiled) {
  if (compiled.timed_out) {
    return compiled.err + kGuard + ": timelimit exceeded: aborting command\n";
  }
  if (compiled.exit_code == 0) return compiled.err;
  std::string text = compiled.err + compiled.out;
  return text.empty() ? "The compiler failed and said nothing.\n" : text;
}

Answer stopped_answer() {
  return exception_answer("the server is shutting down");
}

}  // namespace

Runner::Runner(const Sandbox& sandbox, const FileCache& files, std::filesystem::path runs,
               Logger log)
    : sandbox_(sandbox), files_(files), runs_(std::move(runs)), log_(std::move(log)) {}

Result<std::map<std::string, std::string, std::less<>>> Runner::detect_languages() const {
  auto folder = WorkFolder::make(runs_, run_user(0));
  if (!folder) return folder.error();
  std::map<std::string, std::string, std::less<>> found;
  for (const auto& language : all_languages()) {
    Task task;
    task.line = "( " + std::string(language.probe) + " ) 2>&1";
    task.folder = folder->path();
    task.inside = folder->inside();
    task.user = run_user(0);
    task.limits.cpu_s = kCompileCpuSeconds;
    task.limits.processes = language.processes;
    const auto probed = sandbox_.run(task);
    if (!probed) return probed.error();
    if (probed.value().exit_code != 0) continue;
    const std::string version = version_in(probed.value().out);
    if (!version.empty()) found.emplace(language.id, version);
  }
  return found;
}

Answer Runner::run(const RunSpec& spec, int slot) const {
  auto folder = WorkFolder::make(runs_, run_user(slot));
  if (!folder) {
    log_->error("work folder failed slot={} reason=\"{}\"", slot, folder.error().message);
    return exception_answer(folder.error().message);
  }
  return run_in(folder.value(), spec, slot);
}

Answer Runner::run_in(WorkFolder& folder, const RunSpec& spec, int slot) const {
  const LanguageRules& language = *find_language(spec.language);
  const CommandWords words = words_of(spec, language);
  if (const auto written = folder.write(words.source, spec.source); !written) {
    return exception_answer(written.error().message);
  }
  for (const auto& file : spec.files) {
    const auto from = files_.find(file.id);
    if (!from || !folder.copy(file.name, *from)) return error_answer(404, kMissingFile);
  }

  RunResult result;
  if (spec.debug) result.run_id = folder.inside();
  Task task;
  task.folder = folder.path();
  task.inside = folder.inside();
  task.user = run_user(slot);
  task.limits = run_limits(spec.parameters, language);

  if (language.compile_line != nullptr) {
    result.cmpinfo = guard_complaint(spec.parameters, Step::compile, language);
    if (!result.cmpinfo.empty()) {
      result.outcome = kCompileError;
      return result_answer(result);
    }
    Task compile = task;
    compile.line = language.compile_line(words);
    compile.limits = compile_limits(task.limits, language);
    const auto compiled = sandbox_.run(compile);
    if (!compiled) return exception_answer(compiled.error().message);
    if (compiled.value().stopped) return stopped_answer();
    result.cmpinfo = complaint(compiled.value());
    if (!result.cmpinfo.empty()) {
      result.outcome = kCompileError;
      return result_answer(result);
    }
  }
  result.err = guard_complaint(spec.parameters, Step::run, language);
  if (!result.err.empty()) {
    result.outcome = kRuntimeError;
    return result_answer(result);
  }

  task.line = language.run_line(words);
  task.input = spec.input;
  auto ran = sandbox_.run(task);
  if (!ran) return exception_answer(ran.error().message);
  if (ran->stopped) return stopped_answer();
  result.out = std::move(ran->out);
  if (!ran->timed_out) result.err = std::move(ran->err);
  result.outcome = ran->timed_out ? kTimeLimit : result.err.empty() ? kOk : kRuntimeError;
  return result_answer(result);
}

}  // namespace docket::trial_jobe
