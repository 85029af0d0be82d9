// Values as people read them in a terminal: nothing that could steer it, ages and durations short.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"

namespace docket::cli {

// `text` with each byte of a control character (C0, DEL, C1, and Unicode's that turn or break
// lines) and each byte that is not UTF-8 as the text \xNN.
std::string visible(std::string_view text);

// visible() in single quotes.
std::string in_quotes(std::string_view text);

// visible() for text of several lines: "\n" and "\t" stay.
std::string visible_lines(std::string_view text);

bool valid_utf8(std::string_view text);

// Code points of valid UTF-8, which is close enough to columns for names and messages.
std::size_t width_of(std::string_view text);

// "0s", "59s", "3m", "5h", "2d"; an age below 0 (clocks differ) counts as 0.
std::string age(std::int64_t ms);

// "850 ms", "2.3 s", "3m 05s", "2h 05m", "3d 4h".
std::string duration(std::int64_t ms);

// "0 B", "900 B", "12 kB", "3.4 MB", "1.2 GB".
std::string byte_count(std::int64_t bytes);

// The line of a terminal's text as far as `columns` reach; its colours take no room.
std::string clipped(std::string_view line, std::size_t columns);

// Of a time of up to a century: "90s", "30m", "12h", "90d", "26w"; nothing when it is none.
std::optional<std::int64_t> seconds_of(std::string_view text);

// "2026-01-02T03:04:05.678Z"
std::string rfc3339(WallMs time);

// A time as the API writes it, "2026-01-02T03:04:05.678Z"; nothing when it is not one.
std::optional<WallMs> parse_time(std::string_view text);

}  // namespace docket::cli
