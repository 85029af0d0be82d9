// Jobe's run guard, as far as a client hears of it: which limits it does not take. Pure, any
// thread.
#pragma once

#include <string>

#include "tests/trial_jobe/languages.h"
#include "tests/trial_jobe/run_spec.h"

namespace docket::trial_jobe {

// How it signs its own messages. Clients tell a host's fault by it.
inline constexpr const char* kGuard = "/var/www/html/jobe/app/Libraries/../../runguard/runguard";

enum class Step { compile, run };

// What it writes to stderr instead of starting the step's command, when a limit that the client set
// is none for it ("invalid cputime specified: `0'"); empty when all are good. For the compile step
// limits other than 0 are raised to what compilers need before.
std::string guard_complaint(const Parameters& given, Step step, const LanguageRules& language);

}  // namespace docket::trial_jobe
