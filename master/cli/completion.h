// The shell's completion of this command line, written from CLI11's own description of it, so that
// a new command or option is completed without another word. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace docket::cli {

enum class Shell { bash, zsh };

// A script for that shell which completes the commands and options of `app`, the words that an
// option's check is named after (one_of in options.cc), and files where a value is called one.
// (CLI11 lets only those look at checks who might change them.)
std::string completion_script(CLI::App& app, Shell shell);

}  // namespace docket::cli
