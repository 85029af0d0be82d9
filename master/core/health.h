// What a host's last attempts say about it, and what it has yet to prove. Owned by the core.
//
// One program proves nothing against a host, however often it is sent: only faults of different
// programs count, and a program that fails alike on healthy hosts is taken off their record.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <set>
#include <string>

#include "protocol/messages.h"

namespace docket {

// The same for two runs of the same run_spec.
using Program = std::size_t;

class Health {
 public:
  // So many different programs that ended by the host's fault, among so many attempts, are no
  // chance: at one fault in a hundred this happens to one window in ten thousand.
  static constexpr std::size_t kWindow = 10;
  static constexpr std::size_t kFaultyPrograms = 3;

  void good(Program program) { add({program, false}); }
  void fault(Program program) { add({program, true}); }
  // It was the program's own fault.
  void absolve(Program program) {
    std::erase_if(last_,
                  [&](const Ended& ended) { return ended.fault && ended.program == program; });
  }
  void clear() { last_.clear(); }

  bool sick() const {
    std::set<Program> faulty;
    for (const Ended& ended : last_) {
      if (ended.fault) faulty.insert(ended.program);
    }
    return faulty.size() >= kFaultyPrograms;
  }

  // It ran other programs well, and none of them badly.
  bool vouches_against(Program program) const {
    const auto of_others = [&](bool fault) {
      return std::any_of(last_.begin(), last_.end(), [&](const Ended& ended) {
        return ended.program != program && ended.fault == fault;
      });
    };
    return of_others(false) && !of_others(true);
  }

 private:
  struct Ended {
    Program program;
    bool fault;
  };

  void add(const Ended& ended) {
    last_.push_back(ended);
    if (last_.size() > kWindow) last_.pop_front();
  }

  std::deque<Ended> last_;
};

// A canary that was sent and has not come back.
struct CanaryRun {
  AttemptId id;
  std::string language;
  MonoMs until = 0;
  bool test = false;  // an operator asked for it
};

// An answer that no output came with: the program printed nothing, or its host lost it. It is told
// when a canary sent after it came has brought its output.
struct Unproven {
  Finished answer;
  std::string language;     // of the canary
  bool canary_out = false;  // the canary under way is for it
};

}  // namespace docket
