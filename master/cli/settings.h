// What is set where no option says otherwise: by the environment, the user's file or the system's,
// the first of them that says it. The files are TOML: master, output, no-headers. One thread.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace docket::cli {

inline constexpr const char* kSystemSettings = "/etc/docket/docket.toml";

// A value, and the place that a message must name when it is wrong.
struct Setting {
  std::string value;  // empty: not set
  std::string from;
};

struct Settings {
  Setting master;
  Setting output;
  Setting no_headers;  // "true" or "false"
};

// DOCKET_MASTER, DOCKET_OUTPUT.
Settings settings_of_environment();

// Nothing is set when there is no such file. invalid, naming the file, for what is no setting.
Result<Settings> read_settings(const std::string& path);

// What `first` leaves open is as `second` says.
Settings merged(const Settings& first, const Settings& second);

}  // namespace docket::cli
