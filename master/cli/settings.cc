#include "master/cli/settings.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "master/cli/support_files.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

constexpr std::size_t kMostFileBytes = 1u << 20;

Setting of_variable(const char* name) {
  const char* value = std::getenv(name);
  return {value == nullptr ? "" : value, name};
}

Status take(const std::string& path, const CLI::ConfigItem& item, Settings& settings) {
  const std::string name = item.fullname();
  const std::string from = path + ": " + name;
  Setting* setting = name == "master"       ? &settings.master
                     : name == "output"     ? &settings.output
                     : name == "no-headers" ? &settings.no_headers
                                            : nullptr;
  if (setting == nullptr) {
    return Error{ErrorCode::invalid, path + ": " + in_quotes(name) +
                                         " is no setting; there are master, output and no-headers"};
  }
  if (item.inputs.size() != 1) {
    return Error{ErrorCode::invalid, from + " must have one value"};
  }
  *setting = {item.inputs.front(), from};
  return ok_status();
}

}  // namespace

Settings settings_of_environment() {
  return {of_variable("DOCKET_MASTER"), of_variable("DOCKET_OUTPUT"), {}};
}

Result<Settings> read_settings(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return Settings{};
  const auto text = read_file(path, kMostFileBytes);
  if (!text) return text.error();
  Settings settings;
  try {
    std::istringstream lines(*text);
    for (const auto& item : CLI::ConfigTOML().from_config(lines)) {
      if (const auto taken = take(path, item, settings); !taken) return taken.error();
    }
  } catch (const CLI::Error& error) {
    return Error{ErrorCode::invalid, path + ": " + visible(error.what())};
  }
  return settings;
}

Settings merged(const Settings& first, const Settings& second) {
  const auto either = [](const Setting& one, const Setting& other) {
    return one.value.empty() ? other : one;
  };
  return {either(first.master, second.master), either(first.output, second.output),
          either(first.no_headers, second.no_headers)};
}

}  // namespace docket::cli
