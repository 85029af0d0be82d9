// A wall clock that steps while the process runs: what the operating system says and so many
// seconds as the file DOCKET_FAULT_CLOCK holds at that moment (a 64-bit number, mapped). The
// monotonic clock is nobody's to change and stays as it is. Preloaded.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

using Seconds = std::atomic<std::int64_t>;

const Seconds& offset() {
  static const Seconds* const mapped = []() -> const Seconds* {
    static const Seconds none = 0;
    const char* file = std::getenv("DOCKET_FAULT_CLOCK");
    const int fd = file == nullptr ? -1 : ::open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return &none;
    void* page = ::mmap(nullptr, sizeof(Seconds), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return page == MAP_FAILED ? &none : static_cast<const Seconds*>(page);
  }();
  return *mapped;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real =
      reinterpret_cast<int (*)(clockid_t, timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int done = real(clock, now);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += offset();
  return done;
}

int gettimeofday(timeval* now, void*) noexcept {
  timespec exact{};
  const int done = ::clock_gettime(CLOCK_REALTIME, &exact);
  *now = {exact.tv_sec, exact.tv_nsec / 1'000};
  return done;
}

time_t time(time_t* out) noexcept {
  timespec exact{};
  ::clock_gettime(CLOCK_REALTIME, &exact);
  if (out != nullptr) *out = exact.tv_sec;
  return exact.tv_sec;
}

}  // extern "C"
