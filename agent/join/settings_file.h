// The agent's configuration file as lines, so that joining changes its own settings and leaves what
// an admin wrote. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace docket::agent {

class SettingsFile {
 public:
  // An empty one when there is no such file. unavailable when it cannot be read.
  static Result<SettingsFile> read(const std::string& path);

  // The value of `name = value`, without quotation marks; nothing when no line sets it.
  std::optional<std::string> get(std::string_view name) const;
  // Takes the place of the line that sets it, or comes behind all. `value` is written in quotation
  // marks, set_list and set_number without.
  void set(std::string_view name, const std::string& value);
  void set_number(std::string_view name, std::uint64_t value);
  void set_list(std::string_view name, const std::vector<std::string>& values);

  // Whole or not at all, with the mode that the file had (0644 for a new one); its folder is made.
  Status write(const std::string& path) const;

 private:
  void set_line(std::string_view name, const std::string& literal);

  std::vector<std::string> lines_;
};

}  // namespace docket::agent
