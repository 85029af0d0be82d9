// What docket-agent doctor has found out, before anything is made of it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/address.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "protocol/messages.h"

namespace docket::agent {

struct MasterFacts {
  Address address;
  std::string name_problem;                // why the host's name stands for no address
  std::string key_problem;                 // why there is no key to ask with
  std::string connect_problem;             // of TCP; looked at where no answer came
  std::optional<Result<Standing>> answer;  // to "would this host be let in?"
  WallMs answered = 0;                     // by this host's clock
  bool plain = false;
  bool by_token = false;  // else by the host's own key
};

// One program on the sandbox.
struct Trial {
  Language language;
  RunAnswered answer;
  std::string complaint;  // the first line of what a compiler or interpreter said
};

// Programs that sleep, as many as there are slots, begun at once.
struct Together {
  std::string language;
  std::uint32_t asked = 0;
  std::uint32_t at_once = 0;   // that ran at one moment
  std::uint32_t overload = 0;  // that were answered with outcome 21
};

struct SandboxFacts {
  std::string address;
  std::string problem;  // why it tells no languages; empty when it does
  bool has_key = false;
  std::vector<Language> languages;
  std::vector<Trial> trials;  // of the languages for which there is a program
  std::optional<Together> together;
  bool agent_runs = false;  // it has runs there, so that sleepers would tell nothing
};

struct HostFacts {
  std::uint32_t slots = 1;
  std::optional<std::uint32_t> max_users;  // of Jobe, where its settings can be read
  std::string folder;                      // whose disk was looked at
  HostReport report;
};

}  // namespace docket::agent
