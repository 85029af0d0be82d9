// The programs that clients send, and what each does in a well sandbox. The body of a run is a
// program's number, so that a sandbox knows what it is given. Owned by the simulation.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "master/core/job.h"

namespace docket::sim {

enum class Behaviour {
  ok,
  runtime_error,
  compile_error,
  time_limit,
  breaks_sandbox,  // each sandbox that runs it complains in the same way
  rejected,        // 400
};

struct Program {
  std::uint64_t number = 0;
  std::string language;
  std::vector<std::string> tags;  // that its key requires
  std::uint32_t cputime_s = 5;
  MonoMs run_ms = 0;
  Behaviour behaviour = Behaviour::ok;
  std::vector<std::string> files;
  Bytes body;
};

class Programs {
 public:
  const Program& add(Program program) {
    program.number = programs_.size() + 1;
    program.body = std::make_shared<const std::string>("program " + std::to_string(program.number));
    return programs_.emplace_back(std::move(program));
  }
  // nullptr when the body is none of ours: a canary.
  const Program* find(const std::string& body) const {
    if (!body.starts_with("program ")) return nullptr;
    return &programs_.at(std::stoul(body.substr(8)) - 1);
  }

 private:
  std::deque<Program> programs_;  // they stay where they are
};

}  // namespace docket::sim
