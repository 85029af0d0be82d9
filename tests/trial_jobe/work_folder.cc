#include "tests/trial_jobe/work_folder.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

namespace docket::trial_jobe {
namespace fs = std::filesystem;
namespace {

// Between the users of homed and the dynamic ones of systemd: 61,000 to 61,183 belong to nobody.
constexpr unsigned kFirstRunUser = 61'000;

Error failed(const std::string& what, const fs::path& path, const std::string& why) {
  return {ErrorCode::unavailable, what + " " + path.string() + ": " + why};
}

Result<fs::path> fresh_folder(const fs::path& parent, const char* pattern, mode_t mode) {
  std::string name = (parent / pattern).string();
  if (::mkdtemp(name.data()) == nullptr || ::chmod(name.c_str(), mode) != 0) {
    return failed("cannot make a folder in", parent, std::strerror(errno));
  }
  return fs::path(name);
}

}  // namespace

std::optional<unsigned> run_user(int slot) {
  if (::geteuid() != 0) return std::nullopt;
  return kFirstRunUser + static_cast<unsigned>(slot);
}

Result<DataFolder> DataFolder::make(const fs::path& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return failed("cannot make", parent, error.message());
  auto made = fresh_folder(fs::absolute(parent), "trial-jobe-XXXXXX", 0711);
  if (!made) return made.error();
  DataFolder data(made.value());
  if (::mkdir(data.runs().c_str(), 0711) != 0 || ::mkdir(data.files().c_str(), 0700) != 0) {
    return failed("cannot make a folder in", data.path(), std::strerror(errno));
  }
  ::chmod(data.runs().c_str(), 0711);  // whatever the umask says
  return data;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::exchange(other.path_, fs::path())) {}

DataFolder::~DataFolder() {
  if (!path_.empty()) remove_tree(path_);
}

Result<WorkFolder> WorkFolder::make(const fs::path& runs, std::optional<unsigned> user) {
  auto made = fresh_folder(runs, "jobe_XXXXXX", 0700);
  if (!made) return made.error();
  WorkFolder folder(made.value(), user);
  if (const auto given = folder.hand_over(folder.path_); !given) return given.error();
  return folder;
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::exchange(other.path_, fs::path())), user_(other.user_) {}

WorkFolder::~WorkFolder() {
  if (!path_.empty()) remove_tree(path_);
}

Status WorkFolder::write(const std::string& name, std::string_view bytes) {
  const fs::path file = path_ / name;
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return failed("cannot write", file.filename(), std::strerror(errno));
  return hand_over(file);
}

Status WorkFolder::copy(const std::string& name, const fs::path& from) {
  const fs::path file = path_ / name;
  std::error_code error;
  fs::copy_file(from, file, fs::copy_options::overwrite_existing, error);
  if (error) return failed("cannot write", file.filename(), error.message());
  ::chmod(file.c_str(), 0644);
  return hand_over(file);
}

Status WorkFolder::hand_over(const fs::path& file) const {
  if (user_ && ::lchown(file.c_str(), *user_, *user_) != 0) {
    return failed("cannot give away", file.filename(), std::strerror(errno));
  }
  return ok_status();
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return;
  // Too deep for the library's open folders, or closed by the program itself: rm copes with both.
  static constexpr const char* kScript = "chmod -R u+rwX -- \"$0\"; exec rm -rf -- \"$0\"";
  const std::array<const char*, 5> words{"sh", "-c", kScript, path.c_str(), nullptr};
  pid_t child = 0;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  if (::posix_spawn(&child, "/bin/sh", &actions, nullptr, const_cast<char**>(words.data()),
                    environ) == 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  ::posix_spawn_file_actions_destroy(&actions);
}

}  // namespace docket::trial_jobe
