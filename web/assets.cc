#include "web/assets.h"

#include <map>
#include <string>

#include "web/embedded_files.h"

namespace docket::web {
namespace {

constexpr std::string_view kJobs = "/jobs/";

// A file of a kind that is not listed here stays a download, which a look at the page shows.
std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=UTF-8";
  if (name.ends_with(".js")) return "text/javascript; charset=UTF-8";
  if (name.ends_with(".css")) return "text/css; charset=UTF-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  if (name.ends_with(".json")) return "application/json";
  return "application/octet-stream";
}

// The two pages have paths of their own, because what they link to is relative to those, and the
// API's document stands with the API.
std::string path_of(std::string_view name) {
  if (name == "index.html") return "/";
  if (name == "job.html") return std::string(kJobs);
  if (name == "openapi.json") return "/api/v1/openapi.json";
  return "/" + std::string(name);
}

std::map<std::string, Asset, std::less<>> all_assets() {
  std::map<std::string, Asset, std::less<>> assets;
  for (const auto& file : embedded_files()) {
    assets.emplace(path_of(file.name), Asset{content_type_of(file.name), file.content});
  }
  return assets;
}

bool is_job_page(std::string_view path) {
  return path.starts_with(kJobs) && path.size() > kJobs.size() &&
         path.find('/', kJobs.size()) == std::string_view::npos;
}

}  // namespace

const Asset* find_asset(std::string_view path) {
  static const auto assets = all_assets();
  if (path == kJobs) return nullptr;
  const auto found = assets.find(is_job_page(path) ? kJobs : path);
  return found == assets.end() ? nullptr : &found->second;
}

}  // namespace docket::web
