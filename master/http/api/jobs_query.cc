#include "master/http/api/jobs_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace docket::http {
namespace {

constexpr std::array kOutcomes = {
    Outcome::compile_error, Outcome::runtime_error, Outcome::time_limit,     Outcome::ok,
    Outcome::memory_limit,  Outcome::illegal_call,  Outcome::internal_error, Outcome::overload};

constexpr std::array<std::string_view, 10> kParameters = {
    "state", "language", "agent", "key", "outcome", "from", "to", "text", "limit", "cursor"};

Error invalid(std::string_view name, const std::string& value, std::string_view must) {
  return Error{ErrorCode::invalid, std::string(name) + ": '" + value + "' is " + std::string(must)};
}

// All of `text` as a number without a sign.
std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const bool good = !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
  return good ? std::optional(number) : std::nullopt;
}

std::optional<JobState> state_named(std::string_view name) {
  for (int state = 1; state <= static_cast<int>(kLastJobState); ++state) {
    if (state_name(static_cast<JobState>(state)) == name) return static_cast<JobState>(state);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> outcome_named(std::string_view text) {
  for (const Outcome outcome : kOutcomes) {
    if (outcome_name(static_cast<int>(outcome)) == text) return static_cast<std::uint32_t>(outcome);
  }
  return number_in(text);
}

std::optional<WallMs> read_age(std::string_view text, WallMs now) {
  constexpr std::string_view kUnits = "smhd";
  constexpr std::int64_t kSeconds[] = {1, 60, 3'600, 86'400};
  if (text.size() < 2) return std::nullopt;
  const auto unit = kUnits.find(text.back());
  const auto count = number_in(text.substr(0, text.size() - 1));
  if (unit == std::string_view::npos || !count) return std::nullopt;
  return std::max<WallMs>(1, now - WallMs{*count} * kSeconds[unit] * 1'000);
}

// Takes two digits of at most `most` and, if there is one to be, the letter behind them.
std::optional<int> take_pair(std::string_view& text, int most, char behind) {
  const auto number = text.size() < 2 ? std::nullopt : number_in(text.substr(0, 2));
  if (!number || static_cast<int>(*number) > most) return std::nullopt;
  text.remove_prefix(2);
  if (behind != 0) {
    if (text.empty() || text.front() != behind) return std::nullopt;
    text.remove_prefix(1);
  }
  return static_cast<int>(*number);
}

// ".25" is 250; takes it off.
int take_fraction_ms(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  int ms = 0;
  int weight = 100;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    ms += (text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  return ms;
}

// "Z", "+01:00": how far ahead of UTC, in seconds.
std::optional<std::int64_t> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = take_pair(text, 23, ':');
  const auto minutes = take_pair(text, 59, 0);
  if (!hours || !minutes || !text.empty()) return std::nullopt;
  return sign * (*hours * 3'600 + *minutes * 60);
}

std::optional<WallMs> read_rfc3339(std::string_view text) {
  const auto year = text.size() < 5 || text[4] != '-' ? std::nullopt : number_in(text.substr(0, 4));
  if (!year || *year < 1970) return std::nullopt;
  text.remove_prefix(5);
  std::tm parts{};
  parts.tm_year = static_cast<int>(*year) - 1900;
  const auto month = take_pair(text, 12, '-');
  const auto day = take_pair(text, 31, 'T');
  const auto hour = take_pair(text, 23, ':');
  const auto minute = take_pair(text, 59, ':');
  const auto second = take_pair(text, 60, 0);
  if (!month || *month == 0 || !day || *day == 0 || !hour || !minute || !second) {
    return std::nullopt;
  }
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  const int fraction_ms = take_fraction_ms(text);
  const auto offset_s = read_offset(text);
  if (!offset_s) return std::nullopt;
  return std::max<WallMs>(1, (::timegm(&parts) - *offset_s) * 1'000 + fraction_ms);
}

Status take_moment(const std::string& name, const std::string& value, WallMs now, WallMs& out) {
  const auto moment = read_moment(value, now);
  if (!moment) {
    return invalid(name, value,
                   "neither a time such as 2026-11-23T10:00:00Z nor an age such as "
                   "90s, 15m, 24h or 7d");
  }
  out = *moment;
  return ok_status();
}

Status take_choice(const std::string& name, const std::string& value, JobFilter& filter) {
  if (name == "state") {
    filter.state = state_named(value);
    if (filter.state) return ok_status();
    return invalid(name, value, "none of queued, running, done, failed, expired, cancelled");
  }
  if (name == "outcome") {
    filter.outcome = outcome_named(value);
    if (filter.outcome) return ok_status();
    return invalid(name, value,
                   "neither an outcome's number nor its name, such as 13 or "
                   "'time limit'");
  }
  if (name == "cursor") {
    filter.before = JobId::parse(value);
    if (filter.before) return ok_status();
    return invalid(name, value, "not what an answer gave as next");
  }
  const auto limit = number_of(name, value, 1, kMostListedJobs);
  if (!limit) return limit.error();
  filter.limit = static_cast<std::uint32_t>(*limit);
  return ok_status();
}

Status take(const std::string& name, const std::string& value, WallMs now, JobFilter& filter) {
  if (name == "from") return take_moment(name, value, now, filter.from);
  if (name == "to") return take_moment(name, value, now, filter.to);
  if (name == "state" || name == "outcome" || name == "cursor" || name == "limit") {
    return take_choice(name, value, filter);
  }
  (name == "language" ? filter.language
   : name == "agent"  ? filter.agent
   : name == "key"    ? filter.key
                      : filter.text) = value;
  return ok_status();
}

}  // namespace

std::optional<WallMs> read_moment(std::string_view text, WallMs now) {
  const auto age = read_age(text, now);
  return age ? age : read_rfc3339(text);
}

Result<JobFilter> read_jobs_query(const QueryFields& fields, WallMs now) {
  JobFilter filter;
  for (const auto& [name, value] : fields) {
    if (std::ranges::find(kParameters, name) == kParameters.end()) {
      return Error{ErrorCode::invalid, "unknown parameter '" + name +
                                           "'; there are state, language, agent, key, outcome, "
                                           "from, to, text, limit, cursor"};
    }
    if (value.empty()) continue;  // a form sends the fields that were left empty, too
    if (auto taken = take(name, value, now, filter); !taken) return taken.error();
  }
  return filter;
}

Result<JobPage> read_page(JobReader& jobs, JobFilter filter) {
  const std::size_t wanted = filter.limit++;  // one more tells whether there is a next page
  auto found = jobs.list(filter);
  if (!found) return found.error();
  JobPage page{std::move(*found), std::nullopt};
  if (page.jobs.size() > wanted) {
    page.jobs.resize(wanted);
    page.next = page.jobs.back().id;
  }
  return page;
}

}  // namespace docket::http
