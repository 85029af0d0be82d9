#include "master/store/list_query.h"

#include <algorithm>

#include "master/store/rows.h"
#include "protocol/base/ascii.h"

namespace docket::store {
namespace {

// SQLite takes a partial index only where its condition stands in the query, word by word.
constexpr std::string_view kLive = " AND state <= 2";
constexpr std::string_view kUndone = " AND state > 3";

struct Source {
  std::string_view index;
  std::string_view condition;
};

Source source_of(const std::optional<JobState>& state) {
  if (!state || *state == JobState::done) return {"jobs_listed", ""};
  return is_final(*state) ? Source{"jobs_undone", kUndone} : Source{"jobs_live", kLive};
}

// Ids begin with the time at which they were made, so a time is a place among them.
std::string first_id_at(WallMs time) {
  return JobId{static_cast<std::uint64_t>(time) << 16, 0}.text();
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), ascii_lower);
  return text;
}

}  // namespace

ListQuery::ListQuery(const JobFilter& filter) {
  const Source source = source_of(filter.state);
  conditions_ = source.condition;
  if (filter.state) require("state = ?", static_cast<std::int64_t>(*filter.state));
  if (!filter.language.empty()) require("language = ?", filter.language);
  if (!filter.agent.empty()) require("agent = ?", filter.agent);
  if (!filter.key.empty()) require("api_key = ?", filter.key);
  if (filter.outcome) require("outcome = ?", std::int64_t{*filter.outcome});
  if (filter.from > 0) require("id >= ?", first_id_at(filter.from));
  if (filter.to > 0) require("id < ?", first_id_at(filter.to));
  if (filter.before) require("id < ?", filter.before->text());
  if (!filter.text.empty()) {
    const std::string text = lower(filter.text);
    require("(instr(id, ?) > 0", text);
    conditions_ += " OR instr(lower(client_job), ?) > 0)";
    values_.emplace_back(text);
  }
  values_.emplace_back(std::int64_t{filter.limit});
  sql_ = std::string("SELECT ") + kListedColumns + " FROM jobs WHERE id IN (SELECT id FROM jobs " +
         "INDEXED BY " + std::string(source.index) + " WHERE 1" + conditions_ +
         " ORDER BY id DESC LIMIT ?) ORDER BY id DESC";
}

void ListQuery::require(std::string_view condition, Value value) {
  conditions_.append(" AND ").append(condition);
  values_.push_back(std::move(value));
}

void ListQuery::bind_to(Statement& statement) const {
  int at = 0;
  for (const Value& value : values_) {
    ++at;
    if (const auto* text = std::get_if<std::string>(&value)) {
      statement.bind(at, std::string_view(*text));
    } else {
      statement.bind(at, std::get<std::int64_t>(value));
    }
  }
}

}  // namespace docket::store
