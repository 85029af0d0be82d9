// The pages' files and the API's document, compiled into the master. Read-only, any thread.
#pragma once

#include <string_view>

namespace docket::web {

struct Asset {
  std::string_view content_type;
  std::string_view content;
};

// The file that answers a GET of `path`, or null. A page stands under its name, "/jobs", the first
// one under "/", and the page of one run under "/jobs/ID"; each comes in the layout. The API's
// document is "/api/v1/openapi.json"; any other file is found under its own name, "/common.js".
//
// Holes that only the master can fill (template.h) are left in "/" and "/jobs".
const Asset* find_asset(std::string_view path);

}  // namespace docket::web
