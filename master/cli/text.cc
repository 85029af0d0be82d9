#include "master/cli/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace docket::cli {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `text`, or 0 (RFC 3629, section 4).
std::size_t sequence_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  std::size_t bytes = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    bytes = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    bytes = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    bytes = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (bytes == 0 || text.size() < bytes || at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return bytes;
}

bool steers_a_terminal(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  const auto last = static_cast<unsigned char>(sequence.back());
  if (sequence.size() == 2) return first == 0xc2 && last < 0xa0;  // C1
  if (sequence.starts_with("\xe2\x80")) {
    // Marks of direction, line and paragraph separators, embeddings and overrides.
    return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
  }
  return sequence.starts_with("\xe2\x81") && last >= 0xa6 && last <= 0xa9;  // isolates
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const unsigned char byte : bytes) {
    out += "\\x";
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t good = sequence_bytes(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(good, 1));
    const bool kept = keep_lines && (sequence == "\n" || sequence == "\t");
    if (!kept && (good == 0 || steers_a_terminal(sequence))) {
      append_escaped(out, sequence);
    } else {
      out += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return out;
}

std::string two_units(std::int64_t large, char large_unit, std::int64_t small, char small_unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%lld%c %02lld%c", static_cast<long long>(large), large_unit,
                static_cast<long long>(small), small_unit);
  return text;
}

}  // namespace

std::string visible(std::string_view text) {
  return escaped(text, false);
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  out += visible(text);
  out += "'";
  return out;
}

std::string visible_lines(std::string_view text) {
  return escaped(text, true);
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t good = sequence_bytes(text);
    if (good == 0) return false;
    text.remove_prefix(good);
  }
  return true;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

std::string age(std::int64_t ms) {
  const std::int64_t seconds = std::max<std::int64_t>(ms, 0) / 1'000;
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3'600) return std::to_string(seconds / 60) + "m";
  if (seconds < 86'400) return std::to_string(seconds / 3'600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

std::string duration(std::int64_t ms) {
  ms = std::max<std::int64_t>(ms, 0);
  if (ms < 1'000) return std::to_string(ms) + " ms";
  const std::int64_t tenths = ms / 100;
  if (tenths < 600) {
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
  }
  const std::int64_t seconds = ms / 1'000;
  if (seconds < 3'600) return two_units(seconds / 60, 'm', seconds % 60, 's');
  const std::int64_t minutes = seconds / 60;
  if (minutes < 1'440) return two_units(minutes / 60, 'h', minutes % 60, 'm');
  return std::to_string(minutes / 1'440) + "d " + std::to_string(minutes % 1'440 / 60) + "h";
}

std::string byte_count(std::int64_t bytes) {
  if (bytes < 1'000) return std::to_string(std::max<std::int64_t>(bytes, 0)) + " B";
  if (bytes < 1'000'000) return std::to_string(bytes / 1'000) + " kB";
  const bool giga = bytes >= 1'000'000'000;
  const std::int64_t tenths = bytes / (giga ? 100'000'000 : 100'000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + (giga ? " GB" : " MB");
}

std::string clipped(std::string_view line, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  bool coloured = false;
  while (!line.empty()) {
    std::size_t bytes = std::max<std::size_t>(sequence_bytes(line), 1);
    if (line.starts_with("\x1b[")) {
      bytes = std::min(line.find('m'), line.size() - 1) + 1;
      coloured = true;
    } else if (++used > columns) {
      break;
    }
    out += line.substr(0, bytes);
    line.remove_prefix(bytes);
  }
  if (coloured && !line.empty()) out += "\x1b[0m";
  return out;
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
  constexpr std::int64_t kCentury = std::int64_t{36'525} * 86'400;
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr + 1 != end || number < 1) {
    return std::nullopt;
  }
  const char unit = *parsed.ptr;
  const std::int64_t unit_s = unit == 's'   ? 1
                              : unit == 'm' ? 60
                              : unit == 'h' ? 3'600
                              : unit == 'd' ? 86'400
                              : unit == 'w' ? 7 * 86'400
                                            : 0;
  if (unit_s == 0 || number > kCentury / unit_s) return std::nullopt;
  return number * unit_s;
}

std::string rfc3339(WallMs time) {
  const auto seconds = static_cast<std::time_t>(time / 1'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(time % 1'000));
  return text;
}

std::optional<WallMs> parse_time(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  int ms = 0;
  int used = 0;
  const int read =
      std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms, &used);
  if (read != 7 || used != static_cast<int>(copy.size())) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<WallMs>(::timegm(&parts)) * 1'000 + ms;
}

}  // namespace docket::cli
