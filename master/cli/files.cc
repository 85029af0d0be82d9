// docket files list, gc
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"

namespace docket::cli {
namespace {

constexpr const char* kFiles = "/api/v1/files";
constexpr std::int64_t kDaySeconds = 86'400;

std::string counted(std::int64_t files) {
  return std::to_string(files) + (files == 1 ? " file" : " files");
}

std::string told(const Unused& unused, const std::string& age) {
  std::string text =
      counted(unused.files) + " (" + byte_count(unused.bytes) + ") that no run has used for " + age;
  if (unused.unlisted > 0) text += ", and up to " + std::to_string(unused.unlisted) + " more";
  return text;
}

Result<std::int64_t> remove_unused(Context& context, std::int64_t days) {
  std::int64_t removed = 0;
  for (bool more = true; more;) {
    const Request request =
        make_request("POST", "/api/v1/files/gc", Json{{"unused_days", days}}.dump());
    const auto reply = context.client.send(request);
    if (!reply) return reply.error();
    if (reply->status != 200) return error_of(context.client, request, *reply);
    const auto answer = parse_object(context.client, reply->body);
    if (!answer) return answer.error();
    removed += number_at(*answer, "removed");
    more = true_at(*answer, "more");
  }
  return removed;
}

}  // namespace

Unused unused_in(const Json& answer, WallMs since) {
  Unused unused;
  const Json& files = list_at(answer, "files");
  for (const auto& file : files) {
    const auto used = parse_time(text_at(file, "used"));
    if (!used || *used >= since || true_at(file, "needed")) continue;
    ++unused.files;
    unused.bytes += number_at(file, "bytes");
  }
  const auto listed = static_cast<std::int64_t>(files.size());
  const std::int64_t more = number_at(answer, "count") - listed;
  if (more > 0) unused.unlisted = more;
  return unused;
}

std::string files_text(const Json& answer, const Look& look) {
  Table table({{"ID"}, {"SIZE", Align::right}, {"USED", Align::right}, {"NEEDED"}});
  for (const auto& file : list_at(answer, "files")) {
    table.add({{text_at(file, "id")},
               {byte_count(number_at(file, "bytes"))},
               {age_at(file, "used", look.now)},
               {true_at(file, "needed") ? "yes" : "no"}});
  }
  return table.text(look);
}

Result<int> list_files_command(Context& context) {
  const List list{"files", "id", files_text, {}};
  if (context.watch || context.as_json()) return show_list(context, kFiles, list);
  const auto body = fetch_text(context.client, kFiles);
  if (!body) return body.error();
  const auto answer = parse_object(context.client, *body);
  if (!answer) return answer.error();
  print(list_text(*body, list, context.format, context.look()));
  const auto count = number_at(*answer, "count");
  const auto listed = static_cast<std::int64_t>(list_at(*answer, "files").size());
  tell(counted(count) + ", " + byte_count(number_at(*answer, "bytes")) + " of " +
       byte_count(number_at(*answer, "max_bytes")) +
       (listed < count ? "; the " + std::to_string(listed) + " used last are listed" : ""));
  return 0;
}

Result<int> collect_files_command(Context& context, const PurgeOptions& gc) {
  const auto seconds = seconds_of(gc.older_than);
  if (!seconds || *seconds % kDaySeconds != 0) {
    return Error{ErrorCode::invalid, "--unused: " + in_quotes(gc.older_than) +
                                         " is no number of days or weeks such as 30d or 4w"};
  }
  const auto answer = fetch(context.client, kFiles);
  if (!answer) return answer.error();
  const Unused unused = unused_in(*answer, context.now - *seconds * 1'000);
  const std::string what = told(unused, gc.older_than);
  if (gc.dry_run || (unused.files == 0 && unused.unlisted == 0)) {
    if (context.as_json()) print(Json{{"removed", 0}, {"would", unused.files}}.dump() + "\n");
    tell("there are " + what);
    return 0;
  }
  if (!gc.yes && !somebody_is_there()) {
    return Error{ErrorCode::invalid,
                 "there are " + what + ": confirm with -y. See docket files gc --help"};
  }
  if (!gc.yes && !confirmed("Remove " + what + "? Whoever needs one again sends it again.")) {
    tell("nothing was removed");
    return 1;
  }
  const auto removed = remove_unused(context, *seconds / kDaySeconds);
  if (!removed) return removed.error();
  if (context.as_json()) print(Json{{"removed", *removed}}.dump() + "\n");
  tell("removed " + counted(*removed));
  return 0;
}

}  // namespace docket::cli
