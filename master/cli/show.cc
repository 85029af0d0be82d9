#include "master/cli/show.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "master/cli/ask.h"
#include "master/cli/fields.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;  // members as the master wrote them

std::string dumped(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

OrderedJson without_passing(OrderedJson entry, const List& list) {
  if (!entry.is_object()) return entry;
  for (const char* member : list.passing) entry.erase(member);
  return entry;
}

OrderedJson entries_of(const std::string& body, const List& list) {
  const auto answer = OrderedJson::parse(body, nullptr, false);
  const bool there = answer.is_object() && answer.contains(list.member);
  return there && answer[list.member].is_array() ? answer[list.member] : OrderedJson::array();
}

bool goes_on_after(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out;
}

Result<int> watch_list(Context& context, const std::function<Result<std::string>()>& ask,
                       const List& list) {
  std::string before;
  const bool drawn = redraws(context);
  // Entries one by one: a list of lists is nothing to read on.
  const Format format = context.format == Format::json ? Format::jsonl : context.format;
  return repeat(context, [&]() -> Status {
    const auto body = ask();
    if (!body) return body.error();
    if (drawn) {
      print(kClearScreen + list_text(*body, list, format, context.look()));
      return ok_status();
    }
    Look look = context.look();
    look.headers = look.headers && before.empty();
    const std::string news = before.empty() ? *body : changed_since(before, *body, list);
    print(list_text(news, list, format, look));
    before = *body;
    return ok_status();
  });
}

}  // namespace

const char* const kClearScreen = "\x1b[H\x1b[2J";

bool redraws(const Context& context) {
  return ::isatty(STDOUT_FILENO) == 1 && !context.as_json() && context.format != Format::name;
}

Result<int> repeat(Context& context, const std::function<Status()>& round,
                   std::chrono::milliseconds every) {
  std::string told;
  for (bool first = true;; first = false) {
    context.now = read_clock().wall;
    const auto done = round();
    if (!done && (first || !goes_on_after(done.error()))) return done.error();
    const std::string problem = done ? "" : done.error().message;
    if (problem != told && !problem.empty()) tell(problem + " (asking again)");
    told = problem;
    std::fflush(stdout);
    std::this_thread::sleep_for(every);
  }
}

Result<int> show(Context& context, const std::string& path, View view, const char* name) {
  if (context.format == Format::name && name == nullptr) {
    return Error{ErrorCode::invalid, "-o name: only what has a name or an id can be shown so"};
  }
  const auto round = [&]() -> Status {
    const auto body = fetch_text(context.client, path);
    if (!body) return body.error();
    const auto answer = parse_object(context.client, *body);
    if (!answer) return answer.error();
    if (context.watch && redraws(context)) print(kClearScreen);
    print(context.as_json()                ? *body + "\n"
          : context.format == Format::name ? visible(text_at(*answer, name)) + "\n"
                                           : view(*answer, context.look()));
    return ok_status();
  };
  if (context.watch) return repeat(context, round);
  if (const auto done = round(); !done) return done.error();
  return 0;
}

std::string list_text(const std::string& body, const List& list, Format format, const Look& look) {
  if (format == Format::json) return body + "\n";
  if (format == Format::table || format == Format::wide) {
    return list.table(Json::parse(body, nullptr, false), look);
  }
  std::string out;
  for (const auto& entry : entries_of(body, list)) {
    if (format == Format::jsonl) {
      out += dumped(entry) + "\n";
    } else if (entry.is_object() && entry.contains(list.name)) {
      const OrderedJson& name = entry[list.name];
      out += (name.is_string() ? visible(name.get<std::string>()) : dumped(name)) + "\n";
    }
  }
  return out;
}

std::string changed_since(const std::string& before, const std::string& body, const List& list) {
  std::vector<std::string> known;
  for (const auto& entry : entries_of(before, list)) {
    known.push_back(dumped(without_passing(entry, list)));
  }
  std::sort(known.begin(), known.end());
  auto changed = OrderedJson::array();
  for (const auto& entry : entries_of(body, list)) {
    const std::string now = dumped(without_passing(entry, list));
    if (!std::binary_search(known.begin(), known.end(), now)) changed.push_back(entry);
  }
  return dumped(OrderedJson{{list.member, std::move(changed)}});
}

Result<int> show_list(Context& context, const std::function<Result<std::string>()>& ask,
                      const List& list) {
  if (context.watch) return watch_list(context, ask, list);
  const auto body = ask();
  if (!body) return body.error();
  print(list_text(*body, list, context.format, context.look()));
  return 0;
}

Result<int> show_list(Context& context, const std::string& path, const List& list) {
  return show_list(
      context,
      [&]() -> Result<std::string> {
        auto body = fetch_text(context.client, path);
        if (!body) return body;
        const auto answer = parse_object(context.client, *body);
        return answer ? std::move(body) : answer.error();
      },
      list);
}

}  // namespace docket::cli
