// CHECK: a condition that only a bug of ours can break. On in every build; failing it ends the
// process with the place and the condition, because going on with broken state is worse.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace docket {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace docket

#define CHECK_THAT(condition) \
  ((condition) ? static_cast<void>(0) : ::docket::check_failed(#condition, __FILE__, __LINE__))
