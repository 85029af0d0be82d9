#include "protocol/base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "protocol/base/check.h"

namespace docket {
namespace {

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

void add_common_options(CLI::App& app, std::string& log_level) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_config("--config", "", "Read options from FILE (TOML; keys are the options' long names)");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--log-level", log_level, "debug, info, warn or error")->capture_default_str();
  app.set_version_flag("--version", std::string(DOCKET_VERSION));
}

void add_common_options(CLI::App& app, LogOptions& log) {
  add_common_options(app, log.level);
  app.add_option("--log-format", log.format, "text (key=value) or json (one object a line)")
      ->capture_default_str();
  app.add_option("--log-file", log.file,
                 "Log to FILE instead of stderr; SIGHUP opens it anew, for logrotate");
  app.add_option("--log-file-mb", log.max_file_mb,
                 "When FILE has so many MB it becomes FILE.1, in the place of the one before; 0: "
                 "it grows")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
}

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  try {
    app.parse(argc, argv);
    return body();
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    std::fprintf(stderr, "%s: %s (see %s --help)\n", app.get_name().c_str(),
                 one_line(e.what()).c_str(), app.get_name().c_str());
    return 2;
  } catch (const StartError& e) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), one_line(e.message()).c_str());
    return 1;
  }
}

DataFolder::DataFolder(const std::string& setting, std::string dir) : dir_(std::move(dir)) {
  std::error_code failed;
  std::filesystem::create_directories(dir_, failed);
  if (failed) {
    throw StartError(setting + ": cannot make the folder " + dir_ + ": " + failed.message() +
                     "; choose another with --" + setting);
  }
  const std::string lock = dir_ + "/lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    throw StartError(setting + ": cannot write to " + dir_ + ": " + std::strerror(errno) +
                     "; choose another with --" + setting);
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw StartError(setting + ": " + dir_ +
                     " is in use by another process; stop it or choose "
                     "another folder with --" +
                     setting);
  }
}

DataFolder::~DataFolder() {
  ::close(lock_);
}

StopSignals::StopSignals(bool reloads) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (reloads) sigaddset(&set, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  CHECK_THAT(fd_ >= 0);
}

StopSignals::~StopSignals() {
  ::close(fd_);
}

bool StopSignals::wait(const WakeFd& done) const {
  for (;;) {
    const Woken woken = wait_any(done, -1);
    if (woken == Woken::stop || woken == Woken::done) return woken == Woken::stop;
  }
}

StopSignals::Woken StopSignals::wait_any(const WakeFd& done, int timeout_ms) const {
  pollfd fds[2] = {{fd_, POLLIN, 0}, {done.fd(), POLLIN, 0}};
  int ready = 0;
  while ((ready = ::poll(fds, 2, timeout_ms)) < 0) {
  }
  if (ready == 0) return Woken::time;
  if ((fds[0].revents & POLLIN) == 0) return Woken::done;
  signalfd_siginfo info{};
  [[maybe_unused]] const auto got = ::read(fd_, &info, sizeof info);
  return info.ssi_signo == SIGHUP ? Woken::reload : Woken::stop;
}

}  // namespace docket
