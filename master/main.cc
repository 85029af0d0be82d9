// docket-master: runs a Master until it is told to stop, and reads its options again on SIGHUP.
#include <unistd.h>

#include <thread>

#include "master/master.h"
#include "master/options.h"
#include "protocol/base/program.h"
#include "protocol/base/program_reload.h"

namespace docket {
namespace {

void reload(Reload& reloading, Options& options, Master& master, const Logger& log) {
  CLI::App fresh_app;
  Options fresh;
  declare(fresh_app, fresh);
  const auto apply = [&]() -> Status {
    Options next = options;
    take_over_live(next, fresh);
    try {
      [[maybe_unused]] const auto checked = journal_settings("", next);
      const CoreSettings settings = core_settings(next);
      if (auto set = set_log_level(log, next.log.level); !set) return set;
      master.reconfigure(settings);
    } catch (const StartError& e) {
      return Error{ErrorCode::invalid, e.message()};
    }
    options = std::move(next);
    return ok_status();
  };
  reloading.run(fresh_app, apply, log);
}

int run(Options& options, Reload& reloading, const StopSignals& signals) {
  const Logger log = start_value("log-level", make_logger("docket-master", options.log));
  Master master(options, log);
  master.start();
  WakeFd done;
  std::thread loop_thread([&] {
    master.run();
    done.raise();
  });
  if (wait_for_stop(
          signals, done, [&] { reload(reloading, options, master, log); }, log)) {
    master.drain(options.drain_s);
    if (signals.wait(done)) {
      log->warn("stopping=at_once");
      ::_exit(1);  // crash-only: what was acknowledged is on disk
    }
  }
  loop_thread.join();
  master.stop();
  return 0;
}

}  // namespace
}  // namespace docket

int main(int argc, char** argv) {
  const docket::StopSignals signals(true);
  CLI::App app(
      "The master of a Docket cluster: speaks Jobe's API, queues runs, gives them to agents",
      "docket-master");
  docket::Options options;
  docket::declare(app, options);
  return docket::run_program(app, argc, argv, [&] {
    docket::Reload reloading(argc, argv, app, docket::kLive);
    return docket::run(options, reloading, signals);
  });
}
