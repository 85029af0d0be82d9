// Questions to the person at the terminal. One thread.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace docket::cli {

// Standard input is a terminal, so that somebody can be asked.
bool somebody_is_there();

bool says_yes(std::string_view line);
// A yes, on a terminal.
bool confirmed(const std::string& question);

// A line that is not shown while it is typed or, without a terminal, all of standard input; no line
// ends behind it.
Result<std::string> ask_secret(const std::string& question);

// A message of the program's, on standard error.
void tell(const std::string& text);

}  // namespace docket::cli
