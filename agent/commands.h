// docket-agent join, doctor and leave: their options, what they say, and the service.
#pragma once

#include <string_view>

namespace docket::agent {

bool is_command(std::string_view word);
// With the command as argv[0]. The exit status.
int run_command(int argc, char** argv);

}  // namespace docket::agent
