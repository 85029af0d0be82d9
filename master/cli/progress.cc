#include "master/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

constexpr const char* kClearLine = "\r\x1b[K";

std::size_t columns_of_stderr() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

}  // namespace

std::string progress_text(const Json& why) {
  return visible(text_at(why, "id") + " " + text_at(why, "state") + ": " + text_at(why, "summary"));
}

Progress::Progress(bool asked_for)
    : terminal_(::isatty(STDERR_FILENO) == 1),
      shown_(terminal_ || asked_for),
      began_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  clear();
}

void Progress::tell_of(const std::string& id, const std::string& text) {
  if (!shown_) return;
  std::string& before = told_[id];
  if (terminal_) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began_);
    const std::string line = duration(waited.count() / 1'000 * 1'000) + "  " + text;
    std::fprintf(stderr, "%s%s", kClearLine, clipped(line, columns_of_stderr()).c_str());
    std::fflush(stderr);
    line_is_there_ = true;
  } else if (before != text) {
    tell(text);
  }
  before = text;
}

void Progress::clear() {
  if (line_is_there_) std::fprintf(stderr, "%s", kClearLine);
  line_is_there_ = false;
}

}  // namespace docket::cli
