// trial-jobe: a small server that speaks Jobe's REST API and runs programs in bubblewrap.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "master/http/server.h"
#include "protocol/base/address.h"
#include "protocol/base/log.h"
#include "protocol/base/wake_fd.h"
#include "tests/trial_jobe/api.h"
#include "tests/trial_jobe/runner.h"

namespace docket::trial_jobe {
namespace {

constexpr int kMaxSlots = 128;
constexpr double kMaxSlotWaitSeconds = 3'600;
constexpr std::chrono::milliseconds kStopBound(2'000);
constexpr std::chrono::milliseconds kAnswerTurn(10);
constexpr int kAnswerTurns = 50;
constexpr int kExitSettings = 2;
constexpr int kExitSecondSignal = 130;

struct Settings {
  std::string listen = "127.0.0.1:4100";
  int slots = 1;
  double slot_wait_s = 10;
  std::string data;  // the folder in which we make ours
  std::string log_level = "info";
};

Settings read_settings(int argc, char** argv) {
  Settings settings;
  const char* tmpdir = std::getenv("TMPDIR");
  settings.data = tmpdir != nullptr && *tmpdir != '\0' ? tmpdir : "/tmp";
  settings.slots = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  CLI::App app("A small server that speaks Jobe's REST API and runs programs in bubblewrap.",
               "trial-jobe");
  app.add_option("--listen", settings.listen, "HOST:PORT to serve; port 0: any")
      ->capture_default_str();
  app.add_option("--slots", settings.slots, "programs that run at a time")->capture_default_str();
  app.add_option("--slot-wait", settings.slot_wait_s,
                 "seconds that a run waits for a slot before it is answered with outcome 21")
      ->capture_default_str();
  app.add_option("--data", settings.data, "where to make a folder, removed at exit")
      ->capture_default_str();
  app.add_option("--log-level", settings.log_level, "debug, info, warn or error")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::exit(app.exit(success));  // --help
  } catch (const CLI::Error& error) {
    throw StartError(std::string(error.what()) + " (see trial-jobe --help)");
  }
  if (settings.slots < 1 || settings.slots > kMaxSlots) {
    throw StartError("--slots: give a number from 1 to " + std::to_string(kMaxSlots));
  }
  if (!(settings.slot_wait_s >= 0 && settings.slot_wait_s <= kMaxSlotWaitSeconds)) {
    throw StartError("--slot-wait: give seconds from 0 to 3600");
  }
  return settings;
}

// `where` leads the message, which names the setting itself when it is empty.
template <class T>
T need(const char* where, Result<T> result) {
  if (!result) throw StartError(where + result.error().message);
  return std::move(result).value();
}

// Standard descriptors must be taken, or pipes to a sandbox would get their numbers.
void open_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
}

sigset_t block_stop_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void wait_for_signal(const sigset_t& signals) {
  int signal = 0;
  while (::sigwait(&signals, &signal) != 0) continue;
}

Api::Languages find_languages(const Runner& runner, const Settings& settings) {
  auto found = runner.detect_languages();
  if (!found) {
    throw StartError("--data: programs cannot be run below " + settings.data + " (" +
                     found.error().message +
                     "); install bubblewrap, allow user namespaces, and give a folder that other "
                     "users may enter");
  }
  return std::move(found).value();
}

// The last answers are on their way through the server's threads.
void wait_for_answers(const http::Server& server) {
  for (int turn = 0; turn < kAnswerTurns && server.open_connections() > 0; ++turn) {
    std::this_thread::sleep_for(kAnswerTurn);
  }
}

int serve(const Settings& settings) {
  const sigset_t signals = block_stop_signals();
  const Logger log = need("--", make_logger("trial-jobe", settings.log_level));
  http::Options options;
  options.listen = need("", parse_address("--listen", settings.listen));
  options.idle_timeout_ms = 5'000;  // the time-outs of Jobe's Apache
  options.body_timeout_ms = 10'000;
  options.max_body_bytes = 96u << 20;  // a file of 64 MB in base 64

  // Made first, removed last.
  const DataFolder data = need("--data: ", DataFolder::make(settings.data));
  WakeFd stop;
  const Sandbox sandbox(stop.fd());
  FileCache files(data.files(), kFileCacheBytes);
  const Runner runner(sandbox, files, data.runs(), log);
  auto languages = find_languages(runner, settings);
  if (languages.empty()) log->warn("no language found tools=/usr/bin");
  for (const auto& [id, version] : languages) log->info("language id={} version={}", id, version);

  // The queue answers through the server, whose handler needs the queue: a run may end before
  // start() has returned, so its thread waits for the server's address.
  std::promise<http::Server*> started;
  const std::shared_future<http::Server*> running = started.get_future().share();
  std::unique_ptr<http::Server> server;
  RunQueue queue(
      settings.slots, std::chrono::milliseconds(static_cast<int>(settings.slot_wait_s * 1000)),
      [&](const RunSpec& spec, int slot) { return runner.run(spec, slot); },
      [&](std::uint64_t request, Answer answer) {
        running.get()->respond(request, to_response(std::move(answer)));
      });
  Api api(std::move(languages), files, queue);
  server = need("--listen: ", http::Server::start(
                                  options, [&](http::Request&& r) { return api.handle(r); }, log));
  started.set_value(server.get());
  log->info("serving listen={} slots={} data={}", server->address().text(), settings.slots,
            data.path().string());
  std::printf("ready listen=%s\n", server->address().text().c_str());
  std::fflush(stdout);

  wait_for_signal(signals);
  std::thread([signals] {
    wait_for_signal(signals);
    ::_exit(kExitSecondSignal);
  }).detach();
  log->info("stopping running={}", queue.stats().running);
  server->stop_accepting();
  if (!queue.drain(kStopBound)) stop.raise();
  queue.stop();
  wait_for_answers(*server);
  server.reset();  // before what its handler uses
  return 0;
}

}  // namespace
}  // namespace docket::trial_jobe

int main(int argc, char** argv) {
  docket::trial_jobe::open_standard_descriptors();
  try {
    return docket::trial_jobe::serve(docket::trial_jobe::read_settings(argc, argv));
  } catch (const docket::StartError& error) {
    std::fprintf(stderr, "trial-jobe: %s\n", error.message().c_str());
    return docket::trial_jobe::kExitSettings;
  }
}
