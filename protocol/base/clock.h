// Time is a parameter: loops read it here once a turn and hand it down.
#pragma once

#include <cstdint>

namespace docket {

// Milliseconds of one process's monotonic clock. Compared and subtracted, never shown.
using MonoMs = std::int64_t;
// Milliseconds since 1970-01-01T00:00Z. Shown and stored. It may be set at any
// time, so nothing is decided by it but what must hold over restarts: how long finished jobs, their
// names and their ids are good for.
using WallMs = std::int64_t;

inline constexpr MonoMs kNever = INT64_MAX;

struct Now {
  MonoMs mono = 0;
  WallMs wall = 0;
};

Now read_clock();

}  // namespace docket
