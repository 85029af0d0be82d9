// The status page's files and the API's document, compiled into the master. Read-only, any thread.
#pragma once

#include <string_view>

namespace docket::web {

struct Asset {
  std::string_view content_type;
  std::string_view content;
};

// The file that answers a GET of `path`, or null: "/" is index.html, "/jobs/ID" is job.html,
// "/api/v1/openapi.json" the API's document; any other file is found under its own name, "/app.js".
const Asset* find_asset(std::string_view path);

}  // namespace docket::web
