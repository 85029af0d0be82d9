// A POST to runs: the body's text to a RunSpec, or to the answer that Jobe gives instead. Pure, any
// thread. Texts, statuses and the order of checks are those recorded from Jobe 2.2.2.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/trial_jobe/answer.h"

namespace docket::trial_jobe {

inline constexpr int kMaxCpuSeconds = 120;

struct SupportFile {
  std::string id;    // letters and digits, at least 8
  std::string name;  // letters, digits, - _ .
};

// A number as PHP holds it and writes it into a command.
struct Number {
  double value = 0;
  bool whole = false;  // an integer, not a float of an integer's value
  std::string text;
};

// What the client set; what it left out takes the language's default.
struct Parameters {
  std::optional<Number> cpu_s;
  std::optional<Number> memory_mb;
  std::optional<Number> disk_mb;
  std::optional<Number> processes;
  std::optional<Number> stream_mb;
  std::optional<std::vector<std::string>> interpreter_args;
  std::optional<std::vector<std::string>> compile_args;
  std::optional<std::vector<std::string>> link_args;
  std::optional<std::vector<std::string>> run_args;
};

struct RunSpec {
  std::string language;  // in lower case, one of those offered
  std::string source;
  std::string source_name;  // empty: the language's default
  std::string input;
  std::vector<SupportFile> files;
  Parameters parameters;
  bool debug = false;  // the client wants the run_id

  // Roughly what it costs to keep it waiting.
  std::size_t bytes() const { return source.size() + input.size() + 1024; }
};

using IsOffered = std::function<bool(std::string_view language)>;

std::variant<RunSpec, Answer> parse_run(std::string_view body, const IsOffered& is_offered);

// A PUT to files/ID: the file's bytes out of {"file_contents":"<base64>"}, or Jobe's answer.
std::variant<std::string, Answer> parse_file(std::string_view id, std::string_view body);

}  // namespace docket::trial_jobe
