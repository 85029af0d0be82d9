// The command line itself: options, subcommands, help, and how errors become one line and an exit
// code (facts_of in protocol/base/result.h).
#pragma once

namespace docket::cli {

// Parses, runs one command and returns the exit code. Never throws. `argv` is main's.
int run_command_line(int argc, char** argv) noexcept;

}  // namespace docket::cli
