#include "tests/e2e/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

extern char** environ;

namespace docket::e2e {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int exit_status(int raw) {
  return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
}

}  // namespace

std::string program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

Process::Process(const std::string& name, std::vector<std::string> arguments,
                 const std::string& folder, std::vector<std::string> environment) {
  static std::atomic<int> serial = 0;
  const std::string stem = folder + "/" + std::filesystem::path(name).filename().string() + "." +
                           std::to_string(serial++);
  out_path_ = stem + ".out";
  err_path_ = stem + ".err";
  const std::string path = program(name);
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  for (auto& variable : environment) envp.push_back(variable.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out_path_.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err_path_.c_str(), O_WRONLY | O_CREAT, 0600);
  const int failed =
      ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  REQUIRE_MESSAGE(failed == 0, "cannot start " << path);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_path_(std::move(other.out_path_)),
      err_path_(std::move(other.err_path_)),
      status_(other.status_) {}

Process::~Process() {
  if (pid_ > 0) kill_now();
}

std::map<std::string, std::string> Process::wait_ready(int timeout_ms) {
  std::string line;
  const bool came = eventually(timeout_ms, [&] {
    std::istringstream lines(out());
    while (std::getline(lines, line)) {
      if (line.starts_with("ready ") && !lines.eof()) return true;
    }
    return !alive();
  });
  const bool ready = came && line.starts_with("ready ");
  REQUIRE_MESSAGE(ready, "no ready line; stdout: " << out() << " stderr: " << err());
  std::map<std::string, std::string> facts;
  std::istringstream words(line.substr(6));
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    facts[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return facts;
}

std::optional<int> Process::wait_exit(int timeout_ms) {
  eventually(timeout_ms, [&] { return !alive(); });
  return status_;
}

bool Process::alive() {
  if (status_ || pid_ <= 0) return false;
  int raw = 0;
  if (::waitpid(pid_, &raw, WNOHANG) == pid_) status_ = exit_status(raw);
  return !status_;
}

void Process::signal(int number) const {
  if (!status_ && pid_ > 0) ::kill(pid_, number);
}

void Process::kill_now() {
  if (!alive()) return;
  signal(SIGCONT);
  signal(SIGKILL);
  int raw = 0;
  if (::waitpid(pid_, &raw, 0) == pid_) status_ = exit_status(raw);
}

std::string Process::out() const {
  return read_file(out_path_);
}
std::string Process::err() const {
  return read_file(err_path_);
}

Ended run(const std::string& name, std::vector<std::string> arguments, const std::string& folder,
          std::vector<std::string> environment, int timeout_ms) {
  Process process(name, std::move(arguments), folder, std::move(environment));
  const auto status = process.wait_exit(timeout_ms);
  REQUIRE_MESSAGE(status.has_value(), name << " did not end; stderr: " << process.err());
  return {*status, process.out(), process.err()};
}

}  // namespace docket::e2e
