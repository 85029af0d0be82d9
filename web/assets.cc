#include "web/assets.h"

#include <map>
#include <string>

#include "web/embedded_files.h"
#include "web/template.h"

namespace docket::web {
namespace {

constexpr std::string_view kJobs = "/jobs/";

struct Page {
  std::string_view path;
  std::string_view file;    // what stands in the layout
  std::string_view script;  // the module that brings it to life
  std::string_view title;
};

constexpr Page kPages[] = {
    {"/", "overview.html", "overview.js", "Docket"},
    {"/jobs", "jobs.html", "jobs.js", "Jobs · Docket"},
    {kJobs, "job.html", "job.js", "Run · Docket"},
    {"/run", "run.html", "run.js", "Run a program · Docket"},
    {"/files", "files.html", "files.js", "Files · Docket"},
    {"/keys", "keys.html", "keys.js", "API keys · Docket"},
    {"/audit", "audit.html", "audit.js", "Audit · Docket"},
};

// A file of a kind that is not listed here stays a download, which a look at the page shows.
std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=UTF-8";
  if (name.ends_with(".css")) return "text/css; charset=UTF-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  if (name.ends_with(".json")) return "application/json";
  return "application/octet-stream";
}

std::string_view file_named(std::string_view name) {
  for (const auto& file : embedded_files()) {
    if (file.name == name) return file.content;
  }
  return {};
}

// Links are relative, so that the pages work below any prefix: all of them stand at the root but
// the page of a run, which stands one below.
std::string page_in_layout(const Page& page) {
  const std::string root = page.path == kJobs ? "../" : "";
  Values values = {{"root", root},
                   {"title", std::string(page.title)},
                   {"script", std::string(page.script)},
                   {"main", filled(file_named(page.file), {{"root", root}})}};
  for (const Page& other : kPages) {
    const bool here = other.path == page.path || (other.path == "/jobs" && page.path == kJobs);
    values.emplace("at " + std::string(other.path), here ? " aria-current=\"page\"" : "");
  }
  return filled(file_named("layout.html"), values);
}

std::map<std::string, Asset, std::less<>> all_assets() {
  static std::map<std::string, std::string, std::less<>> pages;  // what the assets of pages view
  std::map<std::string, Asset, std::less<>> assets;
  for (const Page& page : kPages) {
    const auto& text = pages.emplace(page.path, page_in_layout(page)).first->second;
    assets.emplace(page.path, Asset{"text/html; charset=UTF-8", text});
  }
  for (const auto& file : embedded_files()) {
    if (file.name.ends_with(".html")) continue;
    const std::string folder = file.name == "openapi.json" ? "/api/v1/" : "/";
    assets.emplace(folder + std::string(file.name),
                   Asset{content_type_of(file.name), file.content});
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
