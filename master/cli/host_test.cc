// docket agents test
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(500);
constexpr auto kMostUnseen = std::chrono::seconds(10);

std::string tried_of(const Json& test) {
  std::size_t waiting = 0;
  const Json& languages = list_at(test, "languages");
  for (const auto& language : languages)
    waiting += text_at(language, "result") == "waiting" ? 1 : 0;
  return std::to_string(languages.size() - waiting) + " of " + std::to_string(languages.size());
}

// The agent's last test as the master tells it; null when there is none.
Result<nlohmann::ordered_json> last_test(Context& context, const std::string& name) {
  const auto body = fetch_text(context.client, "/api/v1/agents");
  if (!body) return body.error();
  const auto answer = nlohmann::ordered_json::parse(*body, nullptr, false);
  if (!answer.is_object() || !answer.contains("agents")) {
    return parse_object(context.client, "").error();
  }
  for (const auto& agent : answer["agents"]) {
    if (agent.value("name", "") == name && agent.contains("test")) return agent["test"];
  }
  return nlohmann::ordered_json();
}

// The test after `before`, once it has ended. That it has begun is known a moment before it can be
// seen.
Result<nlohmann::ordered_json> ended_test(Context& context, const std::string& name,
                                          const nlohmann::ordered_json& before) {
  const auto appears_until = std::chrono::steady_clock::now() + kMostUnseen;
  for (std::string told;;) {
    const auto test = last_test(context, name);
    if (!test) return test.error();
    const Json now = Json::parse(test->dump());
    const bool seen = known_at(now, "began") && text_at(now, "began") != before.value("began", "");
    if (seen && true_at(now, "ended")) return *test;
    if (!seen && std::chrono::steady_clock::now() > appears_until) {
      return Error{ErrorCode::conflict,
                   "the test of " + name + " is not to be seen; has the master restarted?"};
    }
    const std::string news = seen ? tried_of(now) + " languages of " + name + " tried" : told;
    if (news != told) tell(news);
    told = news;
    std::this_thread::sleep_for(kAskEvery);
  }
}

}  // namespace

std::string test_text(const Json& test, const Look& look) {
  Table table({{"LANGUAGE"}, {"VERSION"}, {"RESULT"}, {"PROBLEM"}});
  for (const auto& language : list_at(test, "languages")) {
    const std::string result = text_at(language, "result");
    const Tone tone = result == "passed"   ? Tone::good
                      : result == "failed" ? Tone::bad
                                           : Tone::plain;
    table.add({{text_at(language, "id")},
               {text_at(language, "version")},
               {result, tone},
               {text_at(language, "problem")}});
  }
  return table.text(look);
}

Result<int> test_agent_command(Context& context, const std::string& part) {
  const auto name = whole_name(context, part);
  if (!name) return name.error();
  auto before = last_test(context, *name);
  if (!before) return before.error();
  if (!before->is_object()) *before = nlohmann::ordered_json::object();
  const Request request = make_request("POST", "/api/v1/agents/" + *name + "/test");
  if (const auto begun = carry_out(context.client, request); !begun) return begun.error();
  const auto test = ended_test(context, *name, *before);
  if (!test) return test.error();
  print(
      list_text(test->dump(), {"languages", "id", test_text, {}}, context.format, context.look()));
  for (const auto& language : list_at(Json::parse(test->dump()), "languages")) {
    if (text_at(language, "result") == "failed") return 1;
  }
  return 0;
}

}  // namespace docket::cli
