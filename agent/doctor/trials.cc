#include "agent/doctor/trials.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/jobe/client.h"
#include "protocol/canary.h"

namespace docket::agent {
namespace {

using nlohmann::json;

constexpr std::uint32_t kTimeoutMs = 14'000;
constexpr int kWaitMs = 200;
// More would tell no more, and a host should bear them.
constexpr std::uint32_t kMostSleepers = 64;
constexpr MonoMs kRoundsMs = 8'000;  // no round begins later

struct Sleeper {
  const char* language;
  const char* file;
  const char* source;
};

// Each sleeps for two seconds and prints when it began and ended, in milliseconds of the host's
// clock. They need next to no CPU.
constexpr std::array<Sleeper, 4> kSleepers = {{
    {"python3", "sleeper.py",
     "import time\nbegun = time.time()\ntime.sleep(2)\n"
     "print(int(begun * 1000), int(time.time() * 1000))\n"},
    {"c", "sleeper.c",
     "#define _GNU_SOURCE\n#include <stdio.h>\n#include <time.h>\n"
     "static long long now(void) {\n  struct timespec t;\n  clock_gettime(CLOCK_REALTIME, &t);\n"
     "  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;\n}\n"
     "int main(void) {\n  const long long begun = now();\n  const struct timespec two = {2, 0};\n"
     "  nanosleep(&two, NULL);\n  printf(\"%lld %lld\\n\", begun, now());\n  return 0;\n}\n"},
    {"nodejs", "sleeper.js",
     "const begun = Date.now();\nsetTimeout(() => console.log(begun, Date.now()), 2000);\n"},
    {"php", "sleeper.php",
     "<?php\n$begun = microtime(true);\nusleep(2000000);\n"
     "printf(\"%d %d\\n\", $begun * 1000, microtime(true) * 1000);\n"},
}};

// Runs at the sandbox, known by their number.
class Runs {
 public:
  Runs(const Address& jobe, const std::string& api_key, std::uint32_t timeout_ms = kTimeoutMs)
      : client_(JobeClient::create(jobe, api_key)), timeout_ms_(timeout_ms) {}

  void post(std::size_t number, std::string body) {
    client_->start(PostRun{{JobId{0, number + 1}, 1}, std::move(body), timeout_ms_});
    ++open_;
  }
  std::size_t open() const { return open_; }
  // Waits until some have ended; their time-outs see to it that they do. visit(number, answer)
  template <class Visit>
  void collect(Visit visit) {
    std::vector<Event> events;
    client_->wait({}, kWaitMs);
    client_->collect(events);
    for (Event& event : events) {
      auto* answer = std::get_if<RunAnswered>(&event);
      if (answer == nullptr) continue;
      --open_;
      visit(static_cast<std::size_t>(answer->id.job.lo - 1), std::move(*answer));
    }
  }

 private:
  const std::unique_ptr<JobeClient> client_;
  const std::uint32_t timeout_ms_;
  std::size_t open_ = 0;
};

std::string text_in(const std::string& body, const char* key) {
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains(key) || !parsed[key].is_string()) return {};
  return parsed[key].get<std::string>();
}

std::string first_line(const std::string& text) {
  constexpr std::size_t kMostBytes = 200;
  return text.substr(0, std::min(text.find('\n'), kMostBytes));
}

std::string complaint_in(const std::string& body) {
  const std::string line = first_line(text_in(body, "cmpinfo"));
  return line.empty() ? first_line(text_in(body, "stderr")) : line;
}

// All of them once.
void run_round(const Address& jobe, const std::string& api_key, const Sleeper& sleeper,
               MonoMs passed_ms, Together& together) {
  const json body = {{"run_spec",
                      {{"language_id", sleeper.language},
                       {"sourcefilename", sleeper.file},
                       {"sourcecode", sleeper.source},
                       {"input", ""},
                       {"parameters", {{"cputime", kCanaryCputimeSeconds}, {"memorylimit", 0}}}}}};
  Runs runs(jobe, api_key, kTimeoutMs - static_cast<std::uint32_t>(passed_ms));
  for (std::size_t number = 0; number < together.asked; ++number) runs.post(number, body.dump());
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;
  while (runs.open() > 0) {
    runs.collect([&](std::size_t, RunAnswered&& answer) {
      if (answer.outcome == static_cast<std::uint32_t>(Outcome::overload)) ++together.overload;
      long long begun = 0;
      long long ended = 0;
      const std::string printed = text_in(answer.body, "stdout");
      if (std::sscanf(printed.c_str(), "%lld %lld", &begun, &ended) == 2) {
        spans.emplace_back(begun, ended);
      }
    });
  }
  together.at_once = std::max(together.at_once, most_at_once(std::move(spans)));
}

}  // namespace

std::vector<Trial> run_canaries(const Address& jobe, const std::string& api_key,
                                const std::vector<Language>& languages, std::uint32_t at_once) {
  std::vector<Trial> trials;
  for (const Language& language : languages) {
    if (!canary_body(language.id).empty()) trials.push_back({language, {}, {}});
  }
  Runs runs(jobe, api_key);
  std::size_t posted = 0;
  while (posted < trials.size() || runs.open() > 0) {
    while (posted < trials.size() && runs.open() < at_once) {
      runs.post(posted, canary_body(trials[posted].language.id));
      ++posted;
    }
    runs.collect([&](std::size_t number, RunAnswered&& answer) {
      Trial& trial = trials.at(number);
      trial.complaint = complaint_in(answer.body);
      trial.answer = std::move(answer);
    });
  }
  return trials;
}

std::optional<Together> run_sleepers(const Address& jobe, const std::string& api_key,
                                     const std::vector<Language>& languages, std::uint32_t count) {
  const auto is_there = [&](const Sleeper& sleeper) {
    return std::ranges::any_of(languages,
                               [&](const auto& each) { return each.id == sleeper.language; });
  };
  const auto sleeper = std::ranges::find_if(kSleepers, is_there);
  if (sleeper == kSleepers.end()) return std::nullopt;
  Together together;
  together.language = sleeper->language;
  together.asked = std::min(count, kMostSleepers);
  // Apache starts processes over some seconds, and keeps them a while: later rounds find more.
  const MonoMs begun = read_clock().mono;
  MonoMs passed_ms = 0;
  for (bool again = true; again;) {
    const std::uint32_t before = together.at_once;
    run_round(jobe, api_key, *sleeper, passed_ms, together);
    passed_ms = read_clock().mono - begun;
    again = together.at_once > before && together.at_once < together.asked &&
            together.overload == 0 && passed_ms < kRoundsMs;
  }
  if (together.at_once == 0 && together.overload == 0) return std::nullopt;  // they did not run
  return together;
}

std::uint32_t most_at_once(std::vector<std::pair<std::int64_t, std::int64_t>> spans) {
  std::vector<std::pair<std::int64_t, int>> turns;
  for (const auto& [begun, ended] : spans) {
    turns.emplace_back(begun, 1);
    turns.emplace_back(ended, -1);  // sorts before a beginning at the same time
  }
  std::ranges::sort(turns);
  int now = 0;
  int most = 0;
  for (const auto& turn : turns) {
    now += turn.second;
    most = std::max(most, now);
  }
  return static_cast<std::uint32_t>(most);
}

}  // namespace docket::agent
