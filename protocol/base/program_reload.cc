#include "protocol/base/program_reload.h"

#include <algorithm>

namespace docket {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

Status read_again(CLI::App& fresh, int argc, char** argv) {
  try {
    fresh.parse(argc, argv);
    return ok_status();
  } catch (const CLI::ParseError& e) {
    return Error{ErrorCode::invalid, e.what()};
  }
}

// A library's and a checker's texts may have several lines.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

}  // namespace

Given given_options(const CLI::App& app) {
  Given given;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option == app.get_config_ptr()) continue;
    given[option->get_lnames().front()] = option->results();
  }
  return given;
}

Changes take_over(Given& running, const Given& fresh, std::span<const std::string_view> live) {
  Changes changes;
  for (const auto& [name, values] : fresh) {
    if (running[name] == values) continue;
    if (std::find(live.begin(), live.end(), name) == live.end()) {
      changes.kept.push_back(name);
    } else {
      running[name] = values;
      changes.applied.push_back(name);
    }
  }
  return changes;
}

bool wait_for_stop(const StopSignals& signals, const WakeFd& done,
                   const std::function<void()>& reload, const Logger& log) {
  constexpr int kTellRepeatsMs = 10'000;
  for (;;) {
    const auto woken = signals.wait_any(done, kTellRepeatsMs);
    if (woken == StopSignals::Woken::reload) reload();
    tell_repeats(log);
    if (woken == StopSignals::Woken::stop) return true;
    if (woken == StopSignals::Woken::done) return false;
  }
}

void Reload::run(CLI::App& fresh, const std::function<Status()>& apply, const Logger& log) {
  if (const Status opened = reopen_log(log); !opened) {
    log->error("log=kept reason=\"{}\"", opened.error().message);
  }
  Status done = read_again(fresh, argc_, argv_);
  if (done) done = apply();
  if (!done) {
    log->error("reload=refused reason=\"{}\" kept=\"everything\"", one_line(done.error().message));
    return;
  }
  const Changes changes = take_over(running_, given_options(fresh), live_);
  std::string line = "reload=done applied=\"" + joined(changes.applied) + "\"";
  if (!changes.kept.empty()) {
    line += " kept=\"" + joined(changes.kept) + "\" why=\"read at the start only: restart for it\"";
  }
  log->info("{}", line);
}

}  // namespace docket
