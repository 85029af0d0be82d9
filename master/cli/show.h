// The way of every command that only looks: GET, then what came in the format that was asked for.
// With -w again and again, until interrupted: redrawn on a terminal, else what has changed.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "master/cli/commands.h"
#include "master/cli/table.h"

namespace docket::cli {

using View = std::string (*)(const nlohmann::json& answer, const Look& look);

// One object. -o name prints its member `name`; invalid when it has none.
Result<int> show(Context& context, const std::string& path, View view, const char* name = nullptr);

// A list of objects in an answer.
struct List {
  const char* member;  // of the answer, which holds the list
  const char* name;    // of each entry: what -o name prints
  View table;          // of the whole answer
  // Members of an entry that change by the passing of time alone: no news.
  std::vector<const char*> passing;
};

// What `body` says, in the format. Pure.
std::string list_text(const std::string& body, const List& list, Format format, const Look& look);
// An answer with only those entries that are not in `before` as they are now. Pure.
std::string changed_since(const std::string& before, const std::string& body, const List& list);

Result<int> show_list(Context& context, const std::string& path, const List& list);
// The same of an answer that is made of several.
Result<int> show_list(Context& context, const std::function<Result<std::string>()>& ask,
                      const List& list);

inline constexpr auto kWatchEvery = std::chrono::milliseconds(2'000);

// Does `round` again and again, until interrupted. That the master cannot be reached ends it in
// the first round only; later it is told, and tried again.
Result<int> repeat(Context& context, const std::function<Status()>& round,
                   std::chrono::milliseconds every = kWatchEvery);

// Standard output is a terminal on which a table may be drawn over the one before.
bool redraws(const Context& context);
extern const char* const kClearScreen;

}  // namespace docket::cli
