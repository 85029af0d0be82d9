// The status page's files, compiled into the master. Read-only, any thread.
#pragma once

#include <string_view>

namespace docket::web {

struct Asset {
  std::string_view content_type;
  std::string_view content;
};

// The file that answers a GET of `path`, or null: "/" is index.html, "/jobs/ID" is job.html, any
// other file is found under its own name, "/app.js".
const Asset* find_asset(std::string_view path);

}  // namespace docket::web
