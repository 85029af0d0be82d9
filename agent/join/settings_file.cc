#include "agent/join/settings_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "protocol/base/durable.h"

namespace docket::agent {
namespace {

namespace fs = std::filesystem;

// What stands behind `name =` on the line, or nothing when it sets something else.
std::optional<std::string> value_on(const std::string& line, std::string_view name) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos || line.compare(begin, name.size(), name) != 0) {
    return std::nullopt;
  }
  const auto equals = line.find_first_not_of(" \t", begin + name.size());
  if (equals == std::string::npos || line[equals] != '=') return std::nullopt;
  const auto value = line.find_first_not_of(" \t", equals + 1);
  return value == std::string::npos ? std::string() : line.substr(value);
}

std::string quoted(const std::string& value) {
  return "\"" + value + "\"";
}

}  // namespace

Result<SettingsFile> SettingsFile::read(const std::string& path) {
  SettingsFile settings;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return settings;
  std::ifstream file(path);
  if (!file) return Error{ErrorCode::unavailable, "config: " + path + " cannot be read"};
  for (std::string line; std::getline(file, line);) settings.lines_.push_back(line);
  return settings;
}

std::optional<std::string> SettingsFile::get(std::string_view name) const {
  for (const std::string& line : lines_) {
    auto value = value_on(line, name);
    if (!value) continue;
    if (value->starts_with('"')) return value->substr(1, value->find('"', 1) - 1);
    value->erase(value->find_last_not_of(" \t", value->find('#') - 1) + 1);
    return value;
  }
  return std::nullopt;
}

void SettingsFile::set(std::string_view name, const std::string& value) {
  set_line(name, quoted(value));
}

void SettingsFile::set_number(std::string_view name, std::uint64_t value) {
  set_line(name, std::to_string(value));
}

void SettingsFile::set_list(std::string_view name, const std::vector<std::string>& values) {
  std::string literal = "[";
  for (const auto& value : values) literal += (literal.size() > 1 ? ", " : "") + quoted(value);
  set_line(name, literal + "]");
}

void SettingsFile::set_line(std::string_view name, const std::string& literal) {
  const std::string line = std::string(name) + " = " + literal;
  const auto old = std::ranges::find_if(
      lines_, [&](const auto& each) { return value_on(each, name).has_value(); });
  if (old == lines_.end()) {
    lines_.push_back(line);
    return;
  }
  // A list may go on over several lines.
  auto last = old;
  if (value_on(*old, name)->starts_with('[')) {
    while (last->find(']') == std::string::npos && last + 1 != lines_.end()) ++last;
  }
  *old = line;
  lines_.erase(old + 1, last + 1);
}

Status SettingsFile::write(const std::string& path) const {
  std::error_code failed;
  const fs::path folder = fs::absolute(path, failed).parent_path();
  fs::create_directories(folder, failed);
  struct stat old {};
  const mode_t mode = ::stat(path.c_str(), &old) == 0 ? old.st_mode & 07777 : 0644;
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  auto written = write_durably(path, text, mode);
  if (written) return written;
  return Error{written.error().code, "config: " + written.error().message};
}

}  // namespace docket::agent
