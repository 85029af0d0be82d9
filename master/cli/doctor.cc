// docket doctor
#include <nlohmann/json.hpp>

#include "master/cli/checkup.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/reach.h"
#include "master/cli/table.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

Tone tone_of(Grade grade) {
  return grade == Grade::ok ? Tone::plain : grade == Grade::warn ? Tone::doubtful : Tone::bad;
}

// Asked of nobody in particular: any HTTP answer shows that it serves.
std::string problem_of_jobe(const Address& address) {
  Client client({"http://" + address.text(), {}, {}, {}});
  Request request;
  request.path = "/jobe/index.php/restapi/languages";
  request.timeout_s = 10;
  const auto reply = client.send(request);
  return reply ? "" : reply.error().message;
}

Result<Checkup> look(Context& context) {
  Checkup checkup;
  const std::string& url = context.client.url();
  const auto asked = parse_url_address("--master", url.substr(0, url.find(':')), url);
  if (asked) checkup.asked_host = asked->host;
  checkup.asked = read_clock().wall;
  auto self = fetch(context.client, "/api/v1/doctor");
  if (!self) return self.error();
  checkup.answered = read_clock().wall;
  checkup.self = std::move(*self);
  const std::pair<const char*, Json*> others[] = {{"/api/v1/status", &checkup.status},
                                                  {"/api/v1/agents", &checkup.agents},
                                                  {"/api/v1/link", &checkup.link},
                                                  {"/api/v1/keys", &checkup.keys}};
  for (const auto& [path, into] : others) {
    auto answer = fetch(context.client, path);
    if (!answer) return answer.error();
    *into = std::move(*answer);
  }
  const Json listens = checkup.self.value("listens", Json::object());
  checkup.jobe = seen_from(checkup.asked_host, text_at(listens, "jobe"));
  if (checkup.jobe) checkup.jobe_problem = problem_of_jobe(*checkup.jobe);
  // The master counts a connection that says nothing, so that only needed ones are made.
  checkup.agents_at = seen_from(checkup.asked_host, text_at(listens, "agents"));
  if (checkup.agents_at && !has_connected_agents(checkup.agents)) {
    if (const auto reached = reach(*checkup.agents_at); !reached) {
      checkup.agents_problem = reached.error().message;
    }
  }
  return checkup;
}

Finding unreachable(const Error& error) {
  return failed("operations port", error.message,
                error.code == ErrorCode::denied
                    ? "docket login URL, with a token of docket tokens create"
                    : "start docket-master (systemctl status docket-master), or say where it is "
                      "with --master");
}

}  // namespace

Result<int> doctor_command(Context& context) {
  const auto checkup = look(context);
  Findings findings = checkup ? findings_of(*checkup) : Findings{unreachable(checkup.error())};
  const std::string settings = checkup ? coderunner_settings(*checkup) : "";
  if (context.as_json()) {
    if (checkup) findings.push_back(well("coderunner", settings));
    print(findings_json(findings) + "\n");
    return any_failed(findings) ? 1 : 0;
  }
  const auto lines = lines_of(findings);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    print(toned(visible(lines[i]), tone_of(findings[i].grade), context.colour) + "\n");
  }
  if (checkup) {
    print("\nIn CodeRunner's settings (Site administration, Plugins, CodeRunner):\n" +
          visible_lines(settings) + "\n");
  }
  return any_failed(findings) ? 1 : 0;
}

}  // namespace docket::cli
