// The tokens that `docket login` keeps, by master: a file of the user's own that nobody else can
// read. One thread.
#pragma once

#include <map>
#include <string>

#include "protocol/base/result.h"

namespace docket::cli {

struct Credential {
  std::string token;
  std::string ca_file;  // whose certificates are believed; empty: the system's
};

struct Credentials {
  std::string last;                             // the master logged in to last; may be empty
  std::map<std::string, Credential> of_master;  // by URL
};

// $XDG_CONFIG_HOME/docket, or ~/.config/docket. invalid when there is neither.
Result<std::string> user_folder();
// credentials.json in it.
Result<std::string> credentials_path();

// None when there is no such file. denied when others could read or write it.
Result<Credentials> read_credentials(const std::string& path);

// Readable by the user alone, whole or not at all.
Status write_credentials(const std::string& path, const Credentials& credentials);

}  // namespace docket::cli
