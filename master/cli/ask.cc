#include "master/cli/ask.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "master/cli/secret.h"

namespace docket::cli {
namespace {

std::string read_line() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line.push_back(static_cast<char>(c));
  }
  return line;
}

}  // namespace

bool somebody_is_there() {
  return ::isatty(STDIN_FILENO) == 1;
}

bool says_yes(std::string_view line) {
  return line == "y" || line == "Y" || line == "yes" || line == "Yes" || line == "YES";
}

bool confirmed(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::fflush(stderr);
  return says_yes(read_line());
}

Result<std::string> ask_secret(const std::string& question) {
  if (!somebody_is_there()) return read_secret("-");
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0) {
    return Error{ErrorCode::internal, "the terminal cannot be told to hide what is typed"};
  }
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) {
    return Error{ErrorCode::internal, "the terminal cannot be told to hide what is typed"};
  }
  std::fprintf(stderr, "%s ", question.c_str());
  std::fflush(stderr);
  std::string line = read_line();
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::fprintf(stderr, "\n");
  while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
  return line;
}

void tell(const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "docket: %s\n", text.c_str());
}

}  // namespace docket::cli
