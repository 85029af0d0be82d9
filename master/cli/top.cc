// docket top: the cluster on one screen, again and again.
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

constexpr const char* kEnter = "\x1b[?1049h\x1b[?25l";  // another screen, no cursor
constexpr const char* kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::size_t kLeastLinesOfAgents = 4;

// The terminal as it was, whatever ends the program.
class FullScreen {
 public:
  FullScreen() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, leave);
    print(kEnter);
  }
  ~FullScreen() { print(kLeave); }
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

 private:
  // Only what a signal's handler may call.
  static void leave(int number) {
    [[maybe_unused]] const auto written =
        ::write(STDOUT_FILENO, kLeave, std::char_traits<char>::length(kLeave));
    ::_exit(number == SIGINT ? 0 : 128 + number);
  }
};

Screen screen_of_terminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {24, 80};
  return {size.ws_row, size.ws_col};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The first `most` lines, the last of them saying how many are missing.
void append(std::vector<std::string>& out, std::vector<std::string> lines, std::size_t most) {
  if (lines.size() > most) {
    const std::size_t missing = lines.size() - most + 1;
    lines.resize(std::max<std::size_t>(most, 1) - 1);
    lines.push_back("… and " + std::to_string(missing) + " more");
  }
  out.insert(out.end(), lines.begin(), lines.end());
}

std::string seconds_at(const Json& status, const char* key) {
  if (!known_at(status, key)) return "-";
  return duration(static_cast<std::int64_t>(real_at(status, key) * 1'000));
}

std::string figures(const Json& status) {
  const auto count = [&](const char* key) { return std::to_string(number_at(status, key)); };
  std::string line = "queued " + count("queued");
  if (number_at(status, "queued") > 0) {
    line += " (oldest " + duration(number_at(status, "oldest_wait_ms")) + ")";
  }
  return line + "   running " + count("running") + "/" + count("slots") + "   done " +
         count("done_per_minute") + "/min   failed " + count("failed_per_minute") +
         "/min   95% wait " + seconds_at(status, "wait_p95_seconds") + ", run " +
         seconds_at(status, "run_p95_seconds");
}

std::string agents_part(const Json& agents, const Look& look) {
  Table table({{"AGENT"},
               {"STATE"},
               {"RUNNING", Align::right},
               {"DONE", Align::right},
               {"FAULTS", Align::right},
               {"SEEN", Align::right},
               {"REASON"}});
  for (const auto& agent : list_at(agents, "agents")) {
    const std::string state = text_at(agent, "state");
    table.add({{text_at(agent, "name")},
               {state, state == "active" ? Tone::good : Tone::doubtful},
               {std::to_string(number_at(agent, "running")) + "/" +
                std::to_string(number_at(agent, "slots"))},
               {std::to_string(number_at(agent, "finished"))},
               {std::to_string(number_at(agent, "host_faults"))},
               {age_at(agent, "last_seen", look.now)},
               {text_at(agent, "reason")}});
  }
  return table.text(look);
}

}  // namespace

std::string top_text(const Json& status, const Json& agents, const Json& jobs, const Look& look,
                     const Screen& screen) {
  const bool well = true_at(status, "well");
  std::vector<std::string> lines = {
      toned(visible(text_at(status, "summary")), well ? Tone::good : Tone::doubtful, look.colour),
      figures(status), ""};
  const auto agent_lines = lines_of(agents_part(agents, look));
  const auto job_lines = lines_of(jobs_text(jobs, look));
  const std::size_t all = lines.size() + agent_lines.size() + 1 + job_lines.size();
  // One line stays free, so that the terminal does not scroll.
  const std::size_t room = screen.lines == 0 ? all : std::max<std::size_t>(screen.lines, 12) - 1;
  const std::size_t left = room - lines.size() - 1;
  const std::size_t for_agents =
      std::max({kLeastLinesOfAgents, left / 2, left - std::min(left, job_lines.size())});
  append(lines, agent_lines, for_agents);
  lines.emplace_back();
  append(lines, job_lines, room - std::min(room - 1, lines.size()));
  std::string out;
  for (const auto& line : lines) {
    out += (screen.columns == 0 ? line : clipped(line, screen.columns)) + "\n";
  }
  return out;
}

Result<int> top_command(Context& context) {
  if (context.format != Format::table && context.format != Format::wide) {
    return Error{ErrorCode::invalid,
                 "top is for people: docket status -o json has its figures, with -w repeatedly"};
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto round = [&]() -> Status {
    const auto status = fetch(context.client, "/api/v1/status");
    if (!status) return status.error();
    const auto agents = fetch(context.client, "/api/v1/agents");
    if (!agents) return agents.error();
    const auto jobs = fetch(context.client, "/api/v1/jobs?state=running&limit=100");
    if (!jobs) return jobs.error();
    const auto queued = fetch(context.client, "/api/v1/jobs?state=queued&limit=100");
    if (!queued) return queued.error();
    Json both = Json::array();
    for (const Json* part : {&*jobs, &*queued}) {
      for (const auto& job : list_at(*part, "jobs")) both.push_back(job);
    }
    const Screen screen = terminal ? screen_of_terminal() : Screen{};
    const std::string frame = top_text(*status, *agents, {{"jobs", both}}, context.look(), screen);
    print((terminal ? kClearScreen : "") + frame);
    return ok_status();
  };
  if (!terminal) {
    if (const auto done = round(); !done) return done.error();
    return 0;
  }
  const FullScreen on;
  return repeat(context, round);
}

}  // namespace docket::cli
