// The files of this folder as they were when the program was built. Read-only, any thread.
// The definition is written by embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace docket::web {

struct EmbeddedFile {
  std::string_view name;  // "app.js"
  std::string_view content;
};

std::span<const EmbeddedFile> embedded_files();

}  // namespace docket::web
