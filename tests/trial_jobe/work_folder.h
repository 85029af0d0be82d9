// Folders that disappear with their owner: the server's data folder, and a work folder per run.
// Each object belongs to one thread; their destructors remove everything inside, whatever a
// program left there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::trial_jobe {

// The unprivileged user that a slot's programs run as. Nobody when the server itself is not root:
// then they run as the server's own user, in a user namespace.
std::optional<unsigned> run_user(int slot);

// A fresh folder below `parent`, entered by run users but not listed by them.
class DataFolder {
 public:
  // unavailable when it cannot be made.
  static Result<DataFolder> make(const std::filesystem::path& parent);
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path runs() const { return path_ / "runs"; }
  std::filesystem::path files() const { return path_ / "files"; }

 private:
  explicit DataFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty once moved from
};

// The folder a run sees as its own, writable for its user only.
class WorkFolder {
 public:
  static Result<WorkFolder> make(const std::filesystem::path& runs, std::optional<unsigned> user);
  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  const std::filesystem::path& path() const { return path_; }
  // Where the run finds it: Jobe's path, with a random last part as in Jobe.
  std::string inside() const { return "/home/jobe/runs/" + path_.filename().string(); }

  // Makes or overwrites a file that the run's user owns.
  Status write(const std::string& name, std::string_view bytes);
  Status copy(const std::string& name, const std::filesystem::path& from);

 private:
  WorkFolder(std::filesystem::path path, std::optional<unsigned> user)
      : path_(std::move(path)), user_(user) {}
  Status hand_over(const std::filesystem::path& file) const;

  std::filesystem::path path_;  // empty once moved from
  std::optional<unsigned> user_;
};

// Removes the tree, folders without permissions and of any depth included.
void remove_tree(const std::filesystem::path& path);

}  // namespace docket::trial_jobe
