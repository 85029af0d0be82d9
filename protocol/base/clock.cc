#include "protocol/base/clock.h"

#include <chrono>

namespace docket {

Now read_clock() {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count(),
          duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

}  // namespace docket
